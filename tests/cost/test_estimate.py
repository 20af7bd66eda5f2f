"""Estimates of operators and of whole designs."""

from __future__ import annotations

import subprocess
from dataclasses import astuple, replace
from pathlib import Path
from random import Random

import pytest

from hwgen.cost.accuracy import MEASURED
from hwgen.cost.area import Area, Target
from hwgen.cost.estimate import estimate
from hwgen.dataflow.plan import Dataflow
from hwgen.dataflow.unit import Parallelism
from hwgen.flow import BuildOptions, emit_model, lower, plan_dataflow
from hwgen.ir.text import print_graph
from hwgen.ops.record import IntegerOp
from hwgen.ops.table import INTEGER_OPS
from hwgen.rtl.build_directory import Build
from hwgen.synth.yosys import synthesize
from tests.networks import mlp

WITH_HARDWARE = [op for op in INTEGER_OPS if op.unit is not None]


def cost(op: IntegerOp, random: Random, target: Target) -> tuple[Area, Area]:
    """Of a random case, and of the same with all lanes at once."""
    assert op.unit is not None and op.cost is not None, "an operator with hardware has a cost"
    case = op.sample(random)
    elements, made = case.node.inputs[0].type.elements, case.node.output.type.elements
    few, all_ = case.parallelism, Parallelism(elements, made if op.name == "matvec" else elements)
    return op.cost(op.unit(case.node, few), target), op.cost(op.unit(case.node, all_), target)


@pytest.mark.parametrize("target", Target)
@pytest.mark.parametrize("op", INTEGER_OPS, ids=lambda op: op.name)
def test_operators_with_hardware_and_only_they_have_a_cost(op: IntegerOp, target: Target, random: Random) -> None:
    assert (op.cost is None) == (op.unit is None)
    for _ in range(20):
        if op.cost is not None:
            area, _ = cost(op, random, target)
            assert min(astuple(area)) >= 0 and area.ffs > 0, area


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
    deep = replace(flow, stages=tuple(replace(s, fifo_depth=s.fifo_depth + 40) for s in flow.stages))
    assert estimate(deep, Target.XCUP).total.luts > estimate(flow, Target.XCUP).total.luts


def test_estimate_starts_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(subprocess, "run", refuse)
    assert estimate(planned("4x4"), Target.ECP5).total.luts > 0


@pytest.mark.slow
@pytest.mark.parametrize("target", Target)
def test_estimate_is_of_the_right_size_and_exact_in_blocks(target: Target, tmp_path: Path) -> None:
    (tmp_path / "small.hwg").write_text(print_graph(mlp((40, 24, 6), 5)))
    emit_model(tmp_path / "small.hwg", tmp_path / "build", BuildOptions(parallelism="3x2"))
    build = Build(tmp_path / "build")
    estimated, seen = estimate(build.flow, target), synthesize(build, target)
    assert (estimated.total.dsps, estimated.total.brams) == (seen.total.dsps, seen.total.brams)
    factor = max(estimated.total.luts / seen.total.luts, seen.total.luts / estimated.total.luts)
    assert factor <= MEASURED[target].largest, f"{estimated.total} for {seen.total}"
    assert abs(estimated.total.ffs - seen.total.ffs) <= 0.1 * seen.total.ffs
    for guess, stage in zip(estimated.stages, seen.stages, strict=True):
        assert (guess.path, guess.area.dsps, guess.area.brams) == (stage.path, stage.area.dsps, stage.area.brams)
