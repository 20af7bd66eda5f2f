"""Synthesizes the ends of a front: what Yosys counts stands beside what was estimated.

A design is built from its model and its options as `hwgen build --config` builds it; nothing of the build is kept but the counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hwgen.cost.accuracy import error_percent
from hwgen.cost.area import Area, Target
from hwgen.flow import BuildOptions, emit_model
from hwgen.ir.graph import Graph
from hwgen.ir.text import print_graph
from hwgen.rtl.atomic import work_folder, write_text
from hwgen.rtl.build_directory import Build
from hwgen.search.goals import Goals, Measures
from hwgen.search.journal import TrialRecord


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What was counted of the design of a trial.  tools: program to version."""

    trial: int
    area: Area
    tools: dict[str, str]

    def errors_percent(self, measures: Measures) -> dict[str, float]:
        """By how much the trial's estimates are above the counts, by name of the measure."""
        counted = {"luts": self.area.luts, "ffs": self.area.ffs, "dsps": self.area.dsps, "brams": self.area.brams}
        return {name: error_percent(measures[name], count) for name, count in counted.items()}


def ends(front: Sequence[tuple[TrialRecord, Measures]], goals: Goals) -> list[TrialRecord]:
    """Of each objective the design that is best at it, the first where several are; each design once, that of `BEST` first."""
    best = [min(front, key=lambda pair: objective.loss(pair[1]))[0] for objective in goals.objectives if front]
    return list({trial.number: trial for trial in ([front[0][0], *best] if front else [])}.values())


def check_tools(target: Target) -> None:
    """Raises HwgenError where Yosys is missing or does not serve."""
    from hwgen.synth.yosys import tools_for

    tools_for(target, pnr=False)


def confirmed(
    trials: Sequence[TrialRecord], source: Callable[[TrialRecord], tuple[Graph | Path, BuildOptions]], target: Target, *,
    dsps: bool, progress: Callable[[int], None],
) -> dict[int, Confirmed]:
    """By the trials' numbers.  source: the model of a trial, or the file of it, and the options of its build.

    progress: told of each trial's number as its synthesis begins.  Raises HwgenFailure where Yosys stops.
    """
    from hwgen.synth.yosys import synthesize

    found: dict[int, Confirmed] = {}
    for trial in trials:
        progress(trial.number)
        model, options = source(trial)
        with work_folder("hwgen-confirm-") as work:
            if isinstance(model, Graph):
                write_text(work / "model.hwg", print_graph(model))
                model = work / "model.hwg"
            emit_model(model, work / "build", options)
            made = synthesize(Build(work / "build"), target, dsps=dsps)
        found[trial.number] = Confirmed(trial.number, made.total, made.tools)
    return found
