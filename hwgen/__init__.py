"""hwgen: a trained neural network becomes verified dataflow SystemVerilog.

    import hwgen
    report = hwgen.build("model.onnx", Path("build/model"), samples=1000)

The verbs are those of `hwgen.flow`; they are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hwgen.flow import (
        BuildOptions,
        BuildReport,
        Lowered,
        build,
        check_model,
        import_model,
        lower,
        plan_dataflow,
        run_passes,
        simulate,
        synthesize,
    )

__version__ = "0.1.0"
__all__ = [
    "BuildOptions", "BuildReport", "Lowered", "build", "check_model", "import_model", "lower", "plan_dataflow", "run_passes",
    "simulate", "synthesize",
]


def __getattr__(name: str) -> object:
    if name in __all__:
        from hwgen import flow

        return getattr(flow, name)
    raise AttributeError(f"module 'hwgen' has no attribute {name!r}")
