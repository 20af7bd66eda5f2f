"""Who gives to whom: the links between ports and stages of a dataflow, and what a stream passes on its way.

Places are numbered: the inputs of the flow, its stages, its outputs, each in their order.
"""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.dataflow.stage import Buffer, Converter, Dataflow, Fork, Stage, Stream

Glue = Fork | Buffer | Converter


@dataclass(frozen=True, slots=True)
class Link:
    """source, target: places.  gives: the stream as the source gives it; takes: as the target takes it.

    passes: what stands between them, in the order of the data; a fork is passed by all its branches.
    """

    source: int
    target: int
    gives: Stream
    takes: Stream
    passes: tuple[Glue, ...]

    @property
    def fifo_depth(self) -> int:
        """Places of the FIFOs on the way, in beats."""
        return sum(e.depth for e in self.passes if isinstance(e, Buffer))


@dataclass(frozen=True, slots=True)
class Links:
    """inputs, stages, outputs: how many places of each kind.  links: by target, in the order in which it takes them."""

    inputs: int
    stages: int
    outputs: int
    links: tuple[Link, ...]

    @property
    def places(self) -> int:
        """How many there are."""
        return self.inputs + self.stages + self.outputs

    @property
    def labels(self) -> tuple[str, ...]:
        """Short names of the places: stages by number, from 1; ports ``in`` and ``out``, numbered where there are several."""

        def ports(word: str, count: int) -> list[str]:
            return [word] if count == 1 else [f"{word}{k}" for k in range(count)]

        return (*ports("in", self.inputs), *(str(k + 1) for k in range(self.stages)), *ports("out", self.outputs))

    def place_of_stage(self, index: int) -> int:
        """The place of a stage."""
        return self.inputs + index

    def is_stage(self, place: int) -> bool:
        """Whether a place is a stage's."""
        return self.inputs <= place < self.inputs + self.stages

    def glue_of(self, place: int) -> tuple[Glue, ...]:
        """What belongs to a place: converters of what it takes, then the forks and FIFOs of what it gives."""
        before = (e for link in self.links if link.target == place for e in link.passes if isinstance(e, Converter))
        after = (e for link in self.links if link.source == place for e in link.passes if not isinstance(e, Converter))
        return tuple({e.name: e for e in (*before, *after)}.values())


def links_of(flow: Dataflow) -> Links:
    """All links of a flow."""
    makers = {stream: element for element in flow.elements for stream in element.gives}
    numbers = {stage.name: len(flow.inputs) + k for k, stage in enumerate(flow.stages)}
    ports = {stream: k for k, stream in enumerate(flow.inputs)}

    def link(target: int, takes: Stream) -> Link:
        passed: list[Glue] = []
        gives = takes
        while gives not in ports and not isinstance(maker := makers[gives], Stage):
            passed.append(maker)
            gives = maker.takes[0]
        source = ports[gives] if gives in ports else numbers[makers[gives].name]
        return Link(source, target, gives, takes, tuple(reversed(passed)))

    found = [link(numbers[stage.name], stream) for stage in flow.stages for stream in stage.takes]
    first_output = len(flow.inputs) + len(flow.stages)
    found += [link(first_output + k, stream) for k, stream in enumerate(flow.outputs)]
    return Links(len(flow.inputs), len(flow.stages), len(flow.outputs), tuple(found))
