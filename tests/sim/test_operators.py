"""Every integer operator of the table, at random legal samples: hardware = reference, simulated = predicted cycles."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from fuzz.compose import decoded

from hwgen.dataflow.cycles import predict, size_fifos
from hwgen.dataflow.plan import plan
from hwgen.ops.record import Case, IntegerOp, make, no_units
from hwgen.ops.run import evaluate
from hwgen.ops.table import INTEGER, INTEGER_OPS
from hwgen.rtl.build_directory import Build, emit
from hwgen.sim.compare import verify
from hwgen.sim.samples import draw

pytestmark = pytest.mark.slow
WITH_HARDWARE = [op for op in INTEGER_OPS if op.units is not no_units]


def case_of(op: IntegerOp, random: Random) -> Case:
    """A random use that is more than wires; a permutation not of an input, where the host would do it."""
    before = INTEGER["requant_scale"].sample(random).node
    value = make(INTEGER["requant_scale"], before.attrs, before.inputs, "before", "before").output
    while True:
        case = op.sample(random, value if op.name == "permute" else None)
        if op.units(case.node, op.fit(case.node, case.parallelism)):
            return case


@pytest.mark.parametrize("op", WITH_HARDWARE, ids=lambda op: op.name)
def test_hardware_equals_the_reference(op: IntegerOp, seed: int, tmp_path: Path) -> None:
    case = case_of(op, Random(seed))
    graph = decoded([case.node.output], op.name)
    flow = size_fifos(plan(graph, [(case.node, case.parallelism)] if op.work else []))
    codes = draw(flow, 40, seed)
    emit(graph, flow, tmp_path / "build", source_sha256="", values=evaluate(graph, codes))
    result = verify(Build(tmp_path / "build"), codes, seed=seed)
    assert result.mismatches == 0, f"{case}: {result.first_difference}"
    assert result.performance == predict(flow)
