"""A network under hls4ml's configuration computes what hls4ml's own emulation computes, bit for bit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hwgen.flow import BuildOptions, import_model, lower
from hwgen.frontend.hls4ml_config import read_hls4ml_config
from hwgen.ops.run import evaluate

pytest.importorskip("hls4ml", reason="hls4ml is not installed")
pytest.importorskip("torch", reason="torch is not installed")

WIDE = "ap_fixed<48,20>"
"""Accumulators that hold every sum, as they are here."""


def types(weight: str, bias: str, result: str | None = None) -> dict[str, object]:
    given = {"weight": weight, "bias": bias, "accum": WIDE}
    return {"Precision": given if result is None else {**given, "result": result}}


INPUT = {"Precision": {"result": "ap_fixed<8,4,AP_RND_CONV,AP_SAT>"}}
FIRST = ("ap_fixed<7,3,AP_RND,AP_SAT>", "ap_fixed<9,4>")
ACT = {"Precision": {"result": "ap_ufixed<6,2,AP_RND_CONV,AP_SAT>"}}
LAST = types("ap_fixed<8,3,AP_RND,AP_SAT>", "ap_fixed<16,6>", "ap_fixed<10,4,AP_TRN,AP_WRAP>")
CASES = {
    "folded": ("dense", {"x": INPUT, "fc1": types(*FIRST, "auto"), "act": ACT, "fc2": LAST}),
    "apart": ("hits", {"x": INPUT, "conv1": types(*FIRST), "act": ACT, "fc": LAST}),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_types_of_layers_mean_what_they_mean_in_hls4ml(case: str, tmp_path: Path) -> None:
    from referee.hls4ml_emulation import network

    name, layers = CASES[case]
    model = {"Precision": {"default": "ap_fixed<16,6>"}, "ReuseFactor": 1, "Strategy": "Latency", "ChannelsLastConversion": "full"}
    config = {"Model": model, "LayerName": layers}
    (tmp_path / "types.json").write_text(json.dumps(config))
    module = network(name)
    x = np.random.default_rng(4).normal(0, 2.5, (300, *module.shape)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    tests = Path(__file__).parents[1]
    files = ["types.json", "x.npy", "y.npy"]
    command = [sys.executable, "-m", "referee.hls4ml_emulation", name, *(str(tmp_path / f) for f in files)]
    done = subprocess.run(command, cwd=tests, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]

    import torch

    graph = import_model(module, torch.zeros(1, *module.shape), name)
    lowered = lower(graph, BuildOptions(hls4ml_config=read_hls4ml_config(tmp_path / "types.json")))
    reals = evaluate(lowered.quantized, {"x": x.astype(np.float64)}, lowered.quantized.outputs)[lowered.quantized.outputs[0]]
    np.testing.assert_array_equal(reals, np.load(tmp_path / "y.npy"))
