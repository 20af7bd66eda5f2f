"""The account of planning: what was chosen and inserted between the stages, and why something was not."""

from __future__ import annotations

from itertools import pairwise

from hwgen.dataflow.plan import Dataflow
from hwgen.pipeline import Effect, Info, Notes


def dataflow_infos(flow: Dataflow) -> tuple[Info, ...]:
    """One account each of choosing parallelism, inserting width converters and inserting FIFOs."""
    parallelism, converters, fifos = Notes(), Notes(), Notes()
    pace = flow.ideal_interval_cycles
    for stage in flow.stages:
        first = stage.first
        if first.multipliers:
            bottleneck = ", the slowest" if stage is flow.bottleneck else ""
            lanes = f"{first.in_lanes}x{first.out_lanes}"
            parallelism.changed(stage.path, f"{lanes}: {first.multipliers} multipliers, {stage.cycles} cycles{bottleneck}")
        else:
            parallelism.left(stage.path, f"has no multipliers; takes its neighbour's {first.in_lanes} lanes")
        fifos.changed(stage.path, f"{stage.fifo_depth} beats: the most that wait at one inference every {pace} cycles")
    for number, (before, after) in enumerate(pairwise(flow.stages), start=1):
        lanes, wanted = before.last.out_lanes, after.first.in_lanes
        if flow.converter_cycles(number):
            converters.changed(after.path, f"{lanes} to {wanted} elements a beat")
        else:
            converters.left(after.path, f"takes the {lanes} elements a beat that come")
    accounts = (("choose-parallelism", parallelism), ("insert-width-converters", converters), ("insert-fifos", fifos))
    return tuple(notes.info(name, Effect.EXACT) for name, notes in accounts)
