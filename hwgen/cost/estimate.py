"""What a planned design will cost, before any synthesis: from the parameters of its stages, in milliseconds."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.cost.area import Area, Target
from hwgen.cost.family import FAMILIES
from hwgen.cost.glue import axis_in, axis_out, credit_fifo, gate, reset, width_converter
from hwgen.dataflow.plan import Dataflow, integer_format
from hwgen.dataflow.unit import beats
from hwgen.ops.table import INTEGER


@dataclass(frozen=True, slots=True)
class StageEstimate:
    """path: the layer in the model.  area: with the width converter before the stage and the FIFO at its end.
    memory_bits: of read-only memories.
    """

    path: str
    area: Area
    memory_bits: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """stages: in order.  other: outer ports and reset."""

    target: Target
    stages: tuple[StageEstimate, ...]
    other: Area

    @property
    def total(self) -> Area:
        """All of it."""
        return sum((s.area for s in self.stages), self.other)

    @property
    def memory_bits(self) -> int:
        """Bits of all read-only memories."""
        return sum(s.memory_bits for s in self.stages)


def _stage(flow: Dataflow, index: int, target: Target) -> StageEstimate:
    stage, family = flow.stages[index], FAMILIES[target]
    total = Area()
    if flow.converter_cycles(index):
        bits, elements = integer_format(stage.input).bits, stage.input.type.elements
        total += width_converter(bits, elements, flow.stages[index - 1].last.out_lanes, stage.first.in_lanes, family)
    if not stage.first.streams:
        total += gate(stage.beats_per_output, family)
    for placed in stage.units:
        cost = INTEGER[placed.node.op].cost
        if cost is None:
            raise TypeError(f"{placed.node.op} has hardware and no cost")
        total += cost(placed.unit, target)
    total += credit_fifo(integer_format(stage.output).bits * stage.last.out_lanes, stage.fifo_depth, family)
    memory_bits = sum(m.depth * m.width_bits for p in stage.units for m in p.unit.memories)
    return StageEstimate(stage.path, total, memory_bits)


def estimate(flow: Dataflow, target: Target) -> Estimate:
    """The area of a planned design, stage by stage."""
    family = FAMILIES[target]
    other = reset()
    other += axis_in(beats(flow.input.type.elements, flow.in_lanes), family)
    other += axis_out(beats(flow.output.type.elements, flow.out_lanes), family)
    return Estimate(target, tuple(_stage(flow, k, target) for k in range(len(flow.stages))), other)
