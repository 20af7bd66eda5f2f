"""hls4ml's emulation, all precisions pinned, as an independent opinion on the integer reference of the layers that it has."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from peers.support import OnnxFile, integers_of_file

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("hls4ml") is None, reason="hls4ml is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("qonnx") is None, reason="qonnx is not installed"),
    pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not found"),
]
SECONDS = 240


class Network:
    """Writes layers with random whole weights."""

    def __init__(self, path: Path, shape: tuple[int, ...], seed: int) -> None:
        self.file, self.numbers, self.rank = OnnxFile(path, shape), np.random.default_rng(seed), len(shape) - 2

    def conv(self, x: str, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, *, bias: bool = True) -> str:
        """Zeros around the image keep its size at stride 1."""
        weight = self.numbers.integers(-3, 4, (outputs, inputs // groups, *[kernel] * self.rank))
        operands = [x, self.file.quant(self.file.constant(weight), 1.0, 4)]
        operands += [self.file.constant(self.numbers.integers(-8, 8, outputs))] if bias else []
        return self.file.add(
            "Conv", operands, kernel_shape=[kernel] * self.rank, strides=[stride] * self.rank, dilations=[1] * self.rank,
            group=groups, pads=[kernel // 2] * (2 * self.rank),
        )

    def maximum(self, x: str) -> str:
        return self.file.add("MaxPool", [x], kernel_shape=[2] * self.rank, strides=[2] * self.rank, pads=[0] * (2 * self.rank))

    def relu(self, x: str, scale: float) -> str:
        return self.file.quant(self.file.add("Relu", [x]), scale, 6, signed=False)

    def quant(self, x: str, scale: float = 1.0, bits: int = 4) -> str:
        return self.file.quant(x, scale, bits)


def image(path: Path, seed: int) -> Path:
    """Convolutions with strides and without a bias, maxima, a sum and a concatenation of branches, ties in every quantizer.

    No value that a concatenation takes as it is has another user: hls4ml gives more channels then than there are.
    """
    net = Network(path, (1, 3, 8, 8), seed)
    x = net.quant("x")
    first = net.relu(net.conv(x, 3, 4, 3), 2.0)
    left = net.quant(net.conv(first, 4, 4, 3, bias=False), 16.0, 6)
    sum_ = net.relu(net.file.add("Add", [left, first]), 4.0)
    small = net.quant(net.maximum(sum_), 4.0)
    both = net.file.add("Concat", [net.quant(net.conv(small, 4, 4, 1), 8.0), net.quant(small, 8.0)], axis=1)
    return net.file.save(net.quant(net.conv(both, 8, 2, 3, 2), 8.0, 8))


def series(path: Path, seed: int) -> Path:
    """One dimension; of that hls4ml reads no pool from ONNX."""
    net = Network(path, (1, 2, 12), seed)
    first = net.relu(net.conv(net.quant("x"), 2, 4, 3), 2.0)
    second = net.relu(net.conv(first, 4, 3, 5, 2, bias=False), 8.0)
    return net.file.save(net.quant(net.conv(second, 3, 2, 1), 4.0, 8))


@pytest.mark.parametrize("network", [image, series])
def test_integers_equal_hls4ml(network: Callable[[Path, int], Path], tmp_path: Path) -> None:
    path = network(tmp_path / "m.onnx", 1)
    codes, found, _ = integers_of_file(path, 1)
    np.save(tmp_path / "x.npy", codes)
    script = Path(__file__).parent / "hls4ml_referee.py"
    files = [str(tmp_path / name) for name in ("m.onnx", "x.npy", "project", "y.npy")]
    run = subprocess.run([sys.executable, str(script), *files], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    wanted = np.load(tmp_path / "y.npy", allow_pickle=False)
    assert len(np.unique(found)) > 5 and np.array_equal(found.reshape(len(codes), -1), wanted)
