"""Measures what a user waits for: the command line's start, import to RTL, the native runner.

    python -m benchmarks [MODEL.onnx] [--json]

Without a model it makes one: a 4-bit network of 64-64-32-10 with random weights (fixed seed), as QONNX.  Times are the best of
a few runs on the machine at hand; nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import hwgen
from hwgen.flow import BuildOptions

WIDTHS: Final = (64, 64, 32, 10)
SAMPLES: Final = 2000


def random_model(folder: Path) -> Path:
    """A quantized network with random weights."""
    random = np.random.default_rng(1)
    tensors = [numpy_helper.from_array(np.float32(v), n) for n, v in (("s_x", 1 / 16), ("s_w", 1 / 8), ("zero", 0), ("bits", 4))]
    nodes, value = [], "x"

    def quantize(source: str, scale: str, signed: int) -> str:
        made = f"{source}.q"
        settings = {"signed": signed, "narrow": 0, "rounding_mode": "ROUND"}
        domain = "qonnx.custom_op.general"
        nodes.append(helper.make_node("Quant", [source, scale, "zero", "bits"], [made], name=made, domain=domain, **settings))
        return made

    for i, (inputs, outputs) in enumerate(pairwise(WIDTHS)):
        weight = random.normal(0, 0.3, (inputs, outputs)).astype(np.float32)
        tensors.append(numpy_helper.from_array(weight, f"w{i}"))
        product, active = f"y{i}", f"a{i}"
        nodes.append(
            helper.make_node("MatMul", [quantize(value, "s_x", int(i == 0)), quantize(f"w{i}", "s_w", 1)], [product], name=f"fc{i}")
        )
        nodes.append(helper.make_node("Relu", [product], [active], name=f"relu{i}"))
        value = active
    last = quantize(value, "s_x", 0)
    graph = helper.make_graph(
        nodes, "random", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, WIDTHS[0]])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, [1, WIDTHS[-1]])], tensors,
    )
    path = folder / "random.onnx"
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("qonnx.custom_op.general", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets), path)
    return path


def best(action: Callable[[], object], times: int = 3) -> float:
    """The shortest of a few runs, in seconds."""
    seconds: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def measure(model: Path, folder: Path) -> dict[str, float]:
    """Name to figure; the name says the unit."""
    command = [str(Path(sys.executable).parent / "hwgen"), "--help"]
    figures = {"hwgen --help, s": best(lambda: subprocess.run(command, check=True, capture_output=True), 5)}
    out = folder / "build"
    report = hwgen.build(model, out, samples=1)  # compiles the simulator, if the cache does not have it
    figures["import to RTL, s"] = best(lambda: hwgen.plan_dataflow(hwgen.lower(hwgen.import_model(model), BuildOptions()).graph))
    figures["import to RTL and files, s"] = sum(report.seconds[k] or 0.0 for k in ("import", "lower", "emit"))
    seconds = best(lambda: hwgen.simulate(out, samples=SAMPLES))
    figures["simulated and compared, inferences/s"] = SAMPLES / seconds
    seen = report.verification.performance
    figures["simulated and compared, cycles/s"] = SAMPLES * (seen.interval_cycles if seen else 0) / seconds
    return figures


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure what a user waits for.")
    parser.add_argument("model", nargs="?", type=Path, help="an ONNX or QONNX file (default: a random network)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        figures = measure(arguments.model or random_model(Path(name)), Path(name))
    if arguments.json:
        print(json.dumps(figures))
        return
    for what, figure in figures.items():
        print(f"{what:40} {figure:12.3f}" if figure < 1000 else f"{what:40} {figure:12,.0f}")


if __name__ == "__main__":
    main()
