"""Where hardware and reference first differ: the same run again, in a program that sees every stream inside the top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hwgen.dataflow.stage import Dataflow, Stage, Stream
from hwgen.formats import IntArray
from hwgen.ir.graph import Graph, Value
from hwgen.rtl.assemble import assemble
from hwgen.rtl.beats import Bytes, elements_in, from_net, whole_tensors
from hwgen.sim.native_runner import Inside, Tap, compile_native
from hwgen.sim.reference import inside
from hwgen.sim.samples import Codes
from hwgen.sim.trials import Trial, idle_limit
from hwgen.sim.waiting import Wait, waits


@dataclass(frozen=True, slots=True)
class Difference:
    """The first value that differs.  layer: its path in the model.  element: index in the flattened value, channels last.

    got: None where the design stopped.  net: where it was seen in the top; empty at an output.  waits: where the design stopped,
    the streams that hold each other up.
    """

    layer: str
    value: str
    sample: int
    element: int
    expected: int
    got: int | None
    traffic: str
    net: str = ""
    waits: tuple[str, ...] = ()

    def __str__(self) -> str:
        got = "nothing (the design stopped)" if self.got is None else str(self.got)
        why = f": {'; '.join(self.waits)}" if self.waits else ""
        return (
            f"layer {self.layer!r}, value {self.value!r}, sample {self.sample}, element {self.element}: "
            f"expected {self.expected}, got {got} ({self.traffic}){why}"
        )


def difference_at(
    layer: str, value: Value, expected: IntArray, got: IntArray, sample: int, traffic: str, *, net: str = ""
) -> Difference:
    """Of one sample of a value that differs.  expected, got: (samples, …) codes; got may end before it."""
    wanted = expected[sample].ravel()
    if sample >= len(got):
        return Difference(layer, value.name, sample, 0, int(wanted[0]), None, traffic, net)
    came = got[sample].ravel()
    element = int((came != wanted).argmax())
    return Difference(layer, value.name, sample, element, int(wanted[element]), int(came[element]), traffic, net)


def wrong_samples(got: IntArray, expected: IntArray) -> npt.NDArray[np.bool_]:
    """(samples,) whether any element differs, of those that came."""
    return (got != expected[: len(got)]).any(axis=tuple(range(1, got.ndim)))


def locate(
    sources: Sequence[Path], folder: Path, graph: Graph, flow: Dataflow, codes: Codes, ports: Sequence[IntArray], trial: Trial
) -> Difference | tuple[Wait, ...]:
    """The first stream, in the order of the data, that carries what it should not; else, where the design stops, what waits.

    ports: the codes of the inputs, as they stream in.
    """
    nets = dict(assemble(flow).nets)
    taps = [Tap(net, stream.bits) for stream, net in nets.items()]
    model = compile_native(sources, folder, flow, taps=taps)
    recording, seen = model.look(
        ports, seed=trial.seed, traffic=trial.traffic, cycles_hint=idle_limit(flow), resets=trial.resets
    )
    found = _first_wrong(flow, nets, inside(graph, flow, codes), seen, trial.says(recording))
    if found is not None or not seen.waiting:
        return found or ()
    return waits(flow, nets, dict(zip(nets, seen.waiting, strict=True)))


def _first_wrong(
    flow: Dataflow, nets: Mapping[Stream, str], values: Mapping[Value, IntArray], seen: Inside, says: str
) -> Difference | None:
    givers = {s: e for e in flow.elements for s in e.gives}
    for run in seen.runs:
        for data, (stream, net) in zip(run, nets.items(), strict=True):
            expected = values[stream.value]
            got = _arrived(data[: len(expected) * stream.beats], stream, expected)
            bad = wrong_samples(got, expected)
            if bad.any():
                giver = givers.get(stream)
                layer = giver.path if isinstance(giver, Stage) else stream.value.producer.path
                return difference_at(layer, stream.value, expected, got, int(bad.argmax()), says, net=net)
    return None


def _arrived(data: Bytes, stream: Stream, expected: IntArray) -> IntArray:
    """(samples, …) codes that passed; what is still to come of the last is the reference's."""
    got = from_net(whole_tensors(data, stream.beats), stream.value, stream.lanes)
    if len(data) % stream.beats:
        came = elements_in(stream.value, stream.lanes, len(data) % stream.beats)
        got[-1] = np.where(came, got[-1], expected[len(got) - 1])
    return got
