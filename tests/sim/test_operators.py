"""Every integer operator of the table, at random legal samples: hardware = reference, simulated = predicted cycles."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from fuzz.compose import decoded

from hwgen.dataflow.cycles import predict, size_fifos
from hwgen.dataflow.plan import plan
from hwgen.ops.record import no_units
from hwgen.ops.run import evaluate
from hwgen.ops.table import INTEGER_OPS
from hwgen.rtl.build_directory import Build, emit
from hwgen.sim.compare import verify
from hwgen.sim.samples import draw

pytestmark = pytest.mark.slow
WITH_HARDWARE = [op for op in INTEGER_OPS if op.units is not no_units]


@pytest.mark.parametrize("op", WITH_HARDWARE, ids=lambda op: op.name)
def test_hardware_equals_the_reference(op, seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    for number in range(2):
        case = op.sample(random)
        graph = decoded(case.node.output, op.name)
        flow = size_fifos(plan(graph, [(case.node, case.parallelism)] if op.work else []))
        codes = draw(flow, 40, number)
        values = evaluate(graph, codes)
        emit(graph, flow, tmp_path / str(number), source_sha256="", values=values)
        result = verify(Build(tmp_path / str(number)), codes, seed=number)
        assert result.mismatches == 0, f"case {number}: {case}: {result.first_difference}"
        assert result.performance == predict(flow)
