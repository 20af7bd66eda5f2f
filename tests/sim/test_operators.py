"""Every integer operator of the table, at random legal samples: hardware = reference, simulated = predicted cycles."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from fuzz.compose import decoded
from networks import random_codes

from hwgen.dataflow.cycles import predict, size_fifos
from hwgen.dataflow.plan import integer_format, plan
from hwgen.ops.run import evaluate
from hwgen.ops.table import INTEGER_OPS
from hwgen.rtl.build_directory import Build, emit
from hwgen.sim.compare import verify

pytestmark = pytest.mark.slow
WITH_HARDWARE = [op.name for op in INTEGER_OPS if op.unit is not None]


@pytest.mark.parametrize("op", [op for op in INTEGER_OPS if op.unit is not None], ids=WITH_HARDWARE)
def test_hardware_equals_the_reference(op, seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    for number in range(2):
        case = op.sample(random)
        graph = decoded(case.node.output, op.name)
        flow = size_fifos(plan(graph, [(case.node, case.parallelism)] if op.name == "matvec" else []))
        codes = random_codes(integer_format(flow.input), (40, *flow.input.type.shape[1:]), number)
        values = evaluate(graph, {flow.input.name: codes})
        emit(graph, flow, tmp_path / str(number), source_sha256="", values=values)
        result = verify(Build(tmp_path / str(number)), codes, seed=number)
        assert result.mismatches == 0, f"case {number}: {case}: {result.first_difference}"
        assert result.performance == predict(flow)
