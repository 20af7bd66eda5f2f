"""``hwgen ops``: the operators that are supported."""

from __future__ import annotations

from hwgen.cli.options import Json


def ops(json: Json = False) -> None:
    """List the operators.

    Their names in ONNX and torch, and the hardware modules.
    """
    from hwgen.cli.screen import Screen
    from hwgen.ops.table import INTEGER_OPS, REAL_OPS

    screen = Screen(as_json=json)
    read = [(op.name, sorted(op.onnx), sorted(op.torch)) for op in REAL_OPS if op.onnx or op.torch]
    hardware = [(op.name, sorted(op.costs)) for op in INTEGER_OPS]
    screen.result(
        {
            "operators": [{"name": name, "onnx": onnx, "torch": torch} for name, onnx, torch in read],
            "hardware": [{"name": name, "modules": modules} for name, modules in hardware],
        }
    )
    columns = ["operator", "ONNX (qonnx.: QONNX and its dialects)", "torch"]
    screen.table(columns, [[name, ", ".join(onnx), ", ".join(torch)] for name, onnx, torch in read])
    screen.line()
    screen.table(["in hardware", "modules"], [[name, ", ".join(modules) or "wires"] for name, modules in hardware])
