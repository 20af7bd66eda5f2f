"""Real models of images and series, made by others: read as ONNX Runtime computes them, and equal QONNX code by code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from referee.qonnx_referee import judge, run_qonnx
from referee.test_real_models import model

from hwgen.dataflow.plan import integer_format, plan
from hwgen.flow import DEFAULT_PRECISION, import_model, lower
from hwgen.ops.run import evaluate
from hwgen.sim.samples import draw

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("name", ["conv1d_small_keras.onnx", "conv2d_small_keras.onnx"])
def test_float_models_are_read_as_they_compute_and_get_a_precision_by_default(name: str, seed: int) -> None:
    runtime = pytest.importorskip("onnxruntime")
    path = model(name)
    graph = import_model(path)
    x = np.random.default_rng(seed).normal(size=(40, *graph.inputs[0].type.shape[1:])).astype(np.float32)
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    wanted = np.concatenate([session.run(None, {session.get_inputs()[0].name: one[None]})[0] for one in x])
    found = evaluate(graph, {graph.inputs[0].name: x.astype(np.float64)}, graph.outputs)[graph.outputs[0]]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    lowered = lower(graph)
    assert lowered.default_precision == DEFAULT_PRECISION
    assert {"conv_codes", "matvec"} <= {n.op for n in lowered.graph.nodes}


def without_ceil_mode(path: Path, folder: Path) -> Path:
    """A copy in which no MaxPool has ``ceil_mode`` (it is 0): QONNX runs the operator of an older ONNX, which had none."""
    made = onnx.load(path)
    for node in made.graph.node:
        kept = [a for a in node.attribute if a.name != "ceil_mode" or node.op_type != "MaxPool"]
        del node.attribute[:]
        node.attribute.extend(kept)
    onnx.save(made, folder / path.name)
    return folder / path.name


@pytest.mark.slow
def test_every_code_of_a_whole_frame_equals_qonnx(tmp_path: Path, seed: int) -> None:
    """256 x 256 x 3, channels last, with depthwise convolutions, a pool, an upsampling and a concatenation."""
    pytest.importorskip("qonnx", reason="qonnx is not installed")
    path = model("branched_model_ch_last.onnx")
    lowered = lower(import_model(path))
    codes = draw(plan(lowered.graph, ()), 1, seed)
    (source,) = lowered.graph.inputs
    reals = integer_format(source).decode(codes[source.name])
    judgement = judge(lowered, run_qonnx(without_ceil_mode(path, tmp_path), reals), codes[source.name])
    assert judgement.compared > 20_000_000
    assert not judgement.mismatches and not judgement.noise, (judgement.mismatches[:5], judgement.noise[:5])
