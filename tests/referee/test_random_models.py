"""Random models in all spellings: the reference against QONNX, the hardware against the reference."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import onnx
import pytest
from referee.qonnx_referee import judge, run_qonnx
from referee.random_models import ModelMaker

from hwgen.dataflow.plan import integer_format
from hwgen.flow import BuildOptions, build, import_model, lower, plan_dataflow
from hwgen.sim.samples import draw

pytest.importorskip("qonnx", reason="qonnx is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")

FRESH = int(os.environ["_HWGEN_FRESH_SEED"]) % 1_000_003
"""The run's fresh seed, which conftest prints; every worker of pytest-xdist has the same."""
COUNT = int(os.environ.get("HWGEN_RANDOM_MODELS", "40"))


@pytest.mark.parametrize("seed", [*range(COUNT), *range(10**6 + FRESH * 100, 10**6 + FRESH * 100 + COUNT // 2)])
def test_every_quantized_value_equals_qonnx(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "random.onnx"
    onnx.save(ModelMaker(seed).make(), str(path))
    lowered = lower(import_model(path), BuildOptions(input_format=None))
    (codes,) = draw(plan_dataflow(lowered.graph), 200, seed).values()
    judgement = judge(lowered, run_qonnx(path, integer_format(lowered.graph.inputs[0]).decode(codes)), codes)
    assert not judgement.mismatches, judgement.mismatches[:5]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [*range(4), 10**6 + FRESH])
def test_hardware_equals_the_reference_with_predicted_cycles(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "random.onnx"
    onnx.save(ModelMaker(seed).make(), str(path))
    random = Random(seed)
    report = build(path, tmp_path / "out", samples=30, seed=seed, parallelism=f"{random.randint(1, 5)}x{random.randint(1, 5)}")
    assert report.ok, str(report.verification.first_difference)
    assert report.verification.performance == report.predicted
