"""The account of planning: what was chosen and inserted between the stages, and why something was not."""

from __future__ import annotations

from hwgen.dataflow.layers import layer_rows, place_names
from hwgen.dataflow.links import Link, links_of
from hwgen.dataflow.stage import Buffer, Converter, Dataflow, Fork
from hwgen.pipeline import Effect, Info, Notes


def dataflow_infos(flow: Dataflow) -> tuple[Info, ...]:
    """One account each of choosing parallelism, and of inserting width converters, forks and FIFOs."""
    parallelism, converters, forks, fifos = Notes(), Notes(), Notes(), Notes()
    pace, names, links = flow.ideal_interval_cycles, place_names(flow), links_of(flow)
    for stage, row in zip(flow.stages, layer_rows(flow), strict=True):
        if row.parallelism is not None:
            bottleneck = ", the slowest" if stage is flow.bottleneck else ""
            parallelism.changed(stage.path, f"{row.parallelism}: {row.multipliers} multipliers, {row.cycles} cycles{bottleneck}")
        else:
            parallelism.left(stage.path, f"has no multipliers; takes its neighbour's {stage.first.in_lanes} lanes")
        if stage.fifo_depth:
            fifos.changed(stage.path, f"{stage.fifo_depth} beats: the most that wait at one inference every {pace} cycles")
        else:
            fifos.left(stage.path, "streams with back-pressure; needs no FIFO of its own")
    for link in links.links:
        path = names[link.target]
        _explain_lanes(converters, path, link, between_stages=links.inputs <= link.source and links.is_stage(link.target))
        for buffer in (e for e in link.passes if isinstance(e, Buffer)):
            fifos.changed(path, f"{buffer.depth} beats on the branch from {names[link.source]}")
    for place, name in enumerate(names):
        for fork in (e for e in links.glue_of(place) if isinstance(e, Fork)):
            forks.changed(name, f"{len(fork.gives)} branches")
    accounts = (
        ("choose-parallelism", parallelism), ("insert-width-converters", converters), ("insert-forks", forks),
        ("insert-fifos", fifos),
    )
    return tuple(notes.info(name, Effect.EXACT) for name, notes in accounts)


def _explain_lanes(converters: Notes, path: str, link: Link, *, between_stages: bool) -> None:
    """What became of the elements a beat on the way to a place."""
    passed = [e for e in link.passes if isinstance(e, Converter)]
    if passed:
        lanes = (link.gives.lanes, *(e.gives[0].lanes for e in passed))
        converters.changed(path, f"{' to '.join(map(str, lanes))} elements a beat")
    elif between_stages:
        converters.left(path, f"takes the {link.gives.lanes} elements a beat that come")
