"""Estimates of operators and of whole designs."""

from __future__ import annotations

import subprocess
from dataclasses import astuple
from pathlib import Path
from random import Random

import pytest

from hwgen.cost.accuracy import MEASURED
from hwgen.cost.area import Area, Target
from hwgen.cost.estimate import estimate
from hwgen.dataflow.plan import with_depths
from hwgen.dataflow.stage import Buffer, Dataflow, Fork
from hwgen.dataflow.unit import Parallelism, Unit
from hwgen.flow import BuildOptions, lower, plan_dataflow
from hwgen.ir.graph import Graph
from hwgen.ops.record import IntegerOp
from hwgen.ops.run import evaluate
from hwgen.ops.table import INTEGER_OPS
from hwgen.rtl.build_directory import Build, emit
from hwgen.sim.samples import draw
from hwgen.synth.yosys import synthesize
from tests.branching import branching
from tests.networks import mlp

WITH_HARDWARE = [op for op in INTEGER_OPS if op.costs]
ALL_LANES = Parallelism(1 << 20, 1 << 20)


def area_of(op: IntegerOp, units: tuple[Unit, ...], target: Target) -> Area:
    return sum((op.costs[unit.module](unit, target) for unit in units), Area())


def cost(op: IntegerOp, random: Random, target: Target) -> tuple[Area, Area]:
    """Of a random case, and of the same with all lanes at once."""
    case = op.sample(random)
    few, all_ = (op.fit(case.node, lanes) for lanes in (case.parallelism, ALL_LANES))
    return area_of(op, op.units(case.node, few), target), area_of(op, op.units(case.node, all_), target)


@pytest.mark.parametrize("target", Target)
@pytest.mark.parametrize("op", INTEGER_OPS, ids=lambda op: op.name)
def test_operators_have_a_cost_for_every_template_that_they_use(op: IntegerOp, target: Target, random: Random) -> None:
    seen: set[str] = set()
    for _ in range(20):
        case = op.sample(random)
        units = op.units(case.node, op.fit(case.node, case.parallelism))
        seen |= {unit.module for unit in units}
        area = area_of(op, units, target)
        assert min(astuple(area)) >= 0, area
        assert area.ffs > 0 or not any(unit.latency_cycles for unit in units), "a pipeline has registers"
    assert seen <= set(op.costs)
    assert bool(seen) == bool(op.costs), "what has a cost has hardware"


@pytest.mark.parametrize("target", Target)
@pytest.mark.parametrize("op", WITH_HARDWARE, ids=lambda op: op.name)
def test_all_lanes_at_once_take_no_fewer_multipliers(op: IntegerOp, target: Target, random: Random) -> None:
    for _ in range(20):
        few, many = cost(op, random, target)
        assert few.dsps <= many.dsps


def planned(parallelism: str) -> Dataflow:
    options = BuildOptions(parallelism=parallelism)
    return plan_dataflow(lower(mlp((24, 16, 6), 3), options).graph, options)


@pytest.mark.parametrize("target", Target)
def test_estimate_grows_with_the_parallelism(target: Target) -> None:
    sizes = [estimate(planned(p), target).total for p in ("1x1", "2x2", "4x4", "8x4")]
    assert [a.luts for a in sizes] == sorted(a.luts for a in sizes)
    assert [a.ffs for a in sizes] == sorted(a.ffs for a in sizes)


def test_total_is_the_sum_of_stages_and_ports() -> None:
    made = estimate(planned("4x2"), Target.ECP5)
    assert made.total == sum((s.area for s in made.stages), made.other)
    assert [s.path for s in made.stages] == ["fc1", "fc2"]
    assert made.memory_bits == sum(s.memory_bits for s in made.stages) > 0


def test_deeper_fifos_cost_more() -> None:
    flow = planned("4x2")
    deep = with_depths(flow, {s.name: s.fifo_depth + 40 for s in flow.stages})
    assert estimate(deep, Target.XCUP).total.luts > estimate(flow, Target.XCUP).total.luts


def test_deeper_branches_cost_more() -> None:
    flow = plan_dataflow(branching(1), BuildOptions(parallelism="2x2"))
    deep = with_depths(flow, {e.name: e.depth + 40 for e in flow.elements if isinstance(e, Buffer)})
    plain, more = (estimate(f, Target.XCUP) for f in (flow, deep))
    grown = [a.path for a, b in zip(plain.stages, more.stages, strict=True) if b.area.luts > a.area.luts]
    forks = [e for e in flow.elements if isinstance(e, Fork)]
    givers = [s.path for s in flow.stages if any(s.gives[0] in f.takes for f in forks)]
    assert grown == givers
    assert more.other.luts > plain.other.luts, "the input's branches belong to no stage"


def test_estimate_starts_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    flow = planned("4x4")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(subprocess, "run", refuse)
    assert estimate(flow, Target.ECP5).total.luts > 0


def check_estimate(graph: Graph, parallelism: str, target: Target, folder: Path) -> None:
    """LUTs within the stated factor, blocks exact, in every stage."""
    flow = plan_dataflow(graph, BuildOptions(parallelism=parallelism))
    emit(graph, flow, folder / "build", source_sha256="", values=evaluate(graph, draw(flow, 4, 0)))
    build = Build(folder / "build")
    estimated, seen = estimate(build.flow, target), synthesize(build, target)
    assert (estimated.total.dsps, estimated.total.brams) == (seen.total.dsps, seen.total.brams)
    factor = max(estimated.total.luts / seen.total.luts, seen.total.luts / estimated.total.luts)
    assert factor <= MEASURED[target].largest, f"{estimated.total} for {seen.total}"
    assert abs(estimated.total.ffs - seen.total.ffs) <= 0.15 * seen.total.ffs
    for guess, stage in zip(estimated.stages, seen.stages, strict=True):
        assert (guess.path, guess.area.dsps, guess.area.brams) == (stage.path, stage.area.dsps, stage.area.brams)


@pytest.mark.slow
@pytest.mark.parametrize("target", Target)
def test_estimate_is_of_the_right_size_and_exact_in_blocks(target: Target, tmp_path: Path) -> None:
    check_estimate(lower(mlp((40, 24, 6), 5)).graph, "3x2", target, tmp_path)


@pytest.mark.slow
def test_estimate_of_branches_and_windows_is_of_the_right_size_and_exact_in_blocks(tmp_path: Path) -> None:
    check_estimate(branching(1), "2x2", Target.ECP5, tmp_path)
