"""What there is to say of each stage of a plan, one row a stage, and of each FIFO of a branch: for tables and for the page."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.dataflow.links import Links, links_of
from hwgen.dataflow.stage import Buffer, Dataflow, Stage, integer_format, model_input
from hwgen.dataflow.unit import Memory, Parallelism
from hwgen.ops.table import INTEGER


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One stage.  operators: in order.  weight_bits: of a weight; None where there are none.  cycles: a tensor keeps it busy.

    rom_bits: of its read-only memories, weights among them.  buffer_words, buffer_bits: of its line and reorder buffers.
    fifo_depth, fifo_bits: of the FIFO at its end; 0 where it has none.
    """

    path: str
    operators: tuple[str, ...]
    modules: tuple[str, ...]
    input_format: str
    output_format: str
    weight_bits: int | None
    parallelism: str | None
    multipliers: int
    cycles: int
    rom_bits: int
    buffer_words: int
    buffer_bits: int
    fifo_depth: int
    fifo_bits: int


@dataclass(frozen=True, slots=True)
class BranchRow:
    """A FIFO on one branch of a stream.  source, target: layers, or names of outer streams.  depth: in beats."""

    source: str
    target: str
    depth: int
    bits: int


@dataclass(frozen=True, slots=True)
class MemoryBits:
    """All memory of a design, in bits.  roms: weights, thresholds, tables.  buffers: lines and reordered tensors.

    stage_fifos: at the ends of stages.  branch_fifos: on the branches of forks.
    """

    roms: int
    buffers: int
    stage_fifos: int
    branch_fifos: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.roms + self.buffers + self.stage_fifos + self.branch_fifos


def _weights(stage: Stage) -> Memory | None:
    return next((m for p in stage.units for m in p.unit.memories if m.parameter == "WeightFile"), None)


def _buffer_bits(stage: Stage) -> int:
    """Of what the stage's units store: each beat as it comes in."""
    before = [sum(s.bits for s in stage.takes), *(p.out_bits for p in stage.units)]
    return sum(placed.unit.buffer_words * bits for placed, bits in zip(stage.units, before, strict=False))


def parallelism_of(stage: Stage) -> Parallelism | None:
    """Of the operator that begins the stage, as a user chooses it; None where it is none whose parallelism is chosen."""
    if INTEGER[stage.node.op].work is None:
        return None
    units = [p.unit for p in stage.units if p.node is stage.node]
    return Parallelism(units[0].in_lanes, units[-1].out_lanes)


def _row(stage: Stage) -> LayerRow:
    weights, parallelism = _weights(stage), parallelism_of(stage)
    return LayerRow(
        path=stage.path,
        operators=tuple(node.op for node in dict.fromkeys(u.node for u in stage.units)),
        modules=tuple(u.unit.module for u in stage.units),
        input_format=", ".join(dict.fromkeys(integer_format(s.value).short for s in stage.takes)),
        output_format=integer_format(stage.output).short,
        weight_bits=None if weights is None else weights.fields[0].bits,
        parallelism=None if parallelism is None else str(parallelism),
        multipliers=stage.multipliers,
        cycles=stage.cycles,
        rom_bits=sum(m.depth * m.width_bits for p in stage.units for m in p.unit.memories),
        buffer_words=sum(p.unit.buffer_words for p in stage.units),
        buffer_bits=_buffer_bits(stage),
        fifo_depth=stage.fifo_depth,
        fifo_bits=stage.fifo_depth * stage.gives[0].bits,
    )


def layer_rows(flow: Dataflow) -> tuple[LayerRow, ...]:
    """The rows in the order of the stages."""
    return tuple(map(_row, flow.stages))


def place_names(flow: Dataflow) -> tuple[str, ...]:
    """Of every place of `links_of`: the model's input, a stage's layer, the codes that go out."""
    inputs = (model_input(s).name for s in flow.inputs)
    return (*inputs, *(s.path for s in flow.stages), *(s.value.name for s in flow.outputs))


def branch_rows(flow: Dataflow, links: Links | None = None) -> tuple[BranchRow, ...]:
    """The FIFOs on branches, by what they lead to."""
    names, rows = place_names(flow), dict[str, BranchRow]()
    for link in (links or links_of(flow)).links:
        for buffer in (e for e in link.passes if isinstance(e, Buffer)):
            row = BranchRow(names[link.source], names[link.target], buffer.depth, buffer.depth * buffer.takes[0].bits)
            rows.setdefault(buffer.name, row)
    return tuple(rows.values())


def memory_bits(flow: Dataflow) -> MemoryBits:
    """All memory of a design."""
    rows = layer_rows(flow)
    return MemoryBits(
        sum(r.rom_bits for r in rows), sum(r.buffer_bits for r in rows), sum(r.fifo_bits for r in rows),
        sum(r.bits for r in branch_rows(flow)),
    )
