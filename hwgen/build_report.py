"""The result of `hwgen.flow.build`, and the object that ``hwgen build --json`` prints of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwgen.ir.graph import Array
from hwgen.ops.run import host_outputs

if TYPE_CHECKING:
    from hwgen.dataflow.cycles import Performance
    from hwgen.dataflow.plan import Dataflow
    from hwgen.flow import Lowered
    from hwgen.rtl.manifest import Manifest
    from hwgen.sim.compare import Verification
    from hwgen.synth.record import Synthesis


@dataclass(frozen=True)
class BuildReport:
    """The result of `build`; `json` is what ``hwgen build --json`` prints."""

    model: str
    nodes: int
    parameters: int
    flow: Dataflow
    lowered: Lowered
    manifest: Manifest
    predicted: Performance
    verification: Verification
    reference_max_abs_error: float
    seconds: dict[str, float | None]
    build_dir: Path
    synthesis: Synthesis | None = None

    @property
    def ok(self) -> bool:
        """Every bit equal."""
        return self.verification.mismatches == 0

    @property
    def outputs(self) -> tuple[Array, ...]:
        """(samples, …) of each of the model's outputs: the hardware's codes decoded, and the host's own steps after that."""
        codes = {s.value: array for s, array in zip(self.flow.outputs, self.verification.outputs, strict=True)}
        return host_outputs(self.lowered.graph, codes)

    def json(self) -> dict[str, Any]:
        """The object with the documented keys."""
        result, seen = self.verification, self.verification.performance
        return {
            "model": {"name": self.model, "nodes": self.nodes, "parameters": self.parameters, "macs": self.flow.macs},
            "input_format": next(iter(self.lowered.input_formats.values())),
            "host_steps": list(self.lowered.host_steps), "default_precision": self.lowered.default_precision,
            "verification": {
                "samples": result.samples, "mismatches": result.mismatches,
                "reference_max_abs_error": self.reference_max_abs_error,
                "first_difference": None if result.first_difference is None else str(result.first_difference),
            },
            "performance": {
                "latency_cycles": seen and seen.latency_cycles, "interval_cycles": seen and seen.interval_cycles,
                "predicted_latency_cycles": self.predicted.latency_cycles,
                "predicted_interval_cycles": self.predicted.interval_cycles,
                "multipliers": self.flow.multipliers, "multiplier_utilization": result.multiplier_utilization,
            },
            "synthesis": _synthesis_summary(self.synthesis),
            "seconds": self.seconds,
            "build_dir": str(self.build_dir),
        }


def _synthesis_summary(made: Synthesis | None) -> dict[str, Any]:
    keys = ("luts", "ffs", "dsps", "brams")
    if made is None:
        return dict.fromkeys(("target", *keys, "fmax_mhz"))
    fmax = made.timing and made.timing.fmax_mhz
    return {"target": str(made.target), **{k: getattr(made.total, k) for k in keys}, "fmax_mhz": fmax}
