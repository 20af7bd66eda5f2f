"""Real models, trained by others, against QONNX's own execution.  They are found at ``HWGEN_MODELS`` or ../shared/models."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from referee.qonnx_referee import judge, run_qonnx

from hwgen.dataflow.plan import integer_format
from hwgen.flow import BuildOptions, import_model, lower, plan_dataflow
from hwgen.ops.matvec import MatvecAttrs
from hwgen.ops.record import attrs_as
from hwgen.ops.run import evaluate
from hwgen.sim.samples import draw

pytest.importorskip("qonnx", reason="qonnx is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")

MODELS = Path(os.environ.get("HWGEN_MODELS", Path(__file__).resolve().parents[3] / "shared" / "models"))
SAMPLES = 1000


def model(name: str) -> Path:
    path = MODELS / name
    if not path.is_file():
        pytest.skip(f"{name} is not in {MODELS.name} (set HWGEN_MODELS)")
    return path


@pytest.mark.parametrize("input_format", [None, "fixed<8,2>", "ufixed<8,0>"])
@pytest.mark.parametrize("name", ["qkeras_jettagging.onnx", "TFC_2W2A.onnx", "unsw_nb15-mlp-w2a2.onnx"])
def test_every_quantized_value_equals_qonnx(name: str, input_format: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    if input_format is not None and name.startswith("unsw"):
        pytest.skip("its input is bipolar by annotation")
    path = model(name)
    lowered = lower(import_model(path), BuildOptions(input_format=input_format))
    flow = plan_dataflow(lowered.graph)
    (codes,) = draw(flow, SAMPLES, int(os.environ.get("HWGEN_SEED", "0"))).values()
    reals = integer_format(lowered.graph.inputs[0]).decode(codes)
    judgement = judge(lowered, run_qonnx(path, reals), codes)
    with capsys.disabled():
        print(f"\n{name}: {judgement.compared} codes, {len(judgement.noise)} within float32 noise")
        print(*judgement.noise[:3], sep="\n")
    assert judgement.compared > SAMPLES * 50
    assert not judgement.mismatches, judgement.mismatches[:5]


def test_judge_sees_a_wrong_weight() -> None:
    path = model("qkeras_jettagging.onnx")
    lowered = lower(import_model(path))
    flow = plan_dataflow(lowered.graph)
    (codes,) = draw(flow, 50, 1).values()
    theirs = run_qonnx(path, integer_format(lowered.graph.inputs[0]).decode(codes))
    attrs_as(next(n for n in lowered.graph.nodes if n.op == "matvec"), MatvecAttrs).weight[3, 5] += 1
    assert judge(lowered, theirs, codes).mismatches


def test_outputs_agree_with_qonnx_within_float32() -> None:
    import numpy as np

    path = model("TFC_2W2A.onnx")
    lowered = lower(import_model(path))
    (codes,) = draw(plan_dataflow(lowered.graph), 100, 2).values()
    theirs = run_qonnx(path, integer_format(lowered.graph.inputs[0]).decode(codes))
    ours = evaluate(lowered.graph, {lowered.graph.inputs[0].name: codes})[lowered.graph.outputs[0]]
    np.testing.assert_allclose(ours, theirs["90"], rtol=1e-4, atol=1e-4)
