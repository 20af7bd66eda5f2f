"""What a user waits for: the command line's start, import to RTL, an estimate, the native runner."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import hwgen
from hwgen.cost.area import Target
from hwgen.cost.estimate import estimate
from hwgen.dataflow.cycles import measured_inferences, predict
from hwgen.flow import BuildOptions

_SAMPLES: Final = 2000


@dataclass(frozen=True)
class Figure:
    """what: with its unit."""

    what: str
    value: float

    def __str__(self) -> str:
        return f"{self.what:40} {self.value:12.3f}" if self.value < 1000 else f"{self.what:40} {self.value:12,.0f}"


def _best(action: Callable[[], object], times: int = 3) -> float:
    """The shortest of a few runs, in seconds."""
    seconds: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def measure(model: Path, folder: Path) -> tuple[Figure, ...]:
    """Times are the best of a few runs on the machine at hand."""
    command = [str(Path(sys.executable).parent / "hwgen"), "--help"]
    start = _best(lambda: subprocess.run(command, check=True, capture_output=True), 5)
    out = folder / "build"
    report = hwgen.build(model, out, samples=1)  # compiles the simulator, if the cache does not have it
    to_rtl = _best(lambda: hwgen.plan_dataflow(hwgen.lower(hwgen.import_model(model), BuildOptions()).graph))
    estimated = _best(lambda: estimate(report.flow, Target.ECP5))
    predicted = _best(lambda: predict(report.flow))
    streams = [*report.flow.inputs, *(s for e in report.flow.elements for s in e.gives)]
    beats = measured_inferences(report.flow) * sum(s.beats for s in streams)
    seconds = _best(lambda: hwgen.simulate(out, samples=_SAMPLES))
    seen = report.verification.performance
    return (
        Figure("hwgen --help, s", start),
        Figure("import to RTL, s", to_rtl),
        Figure("import to RTL and files, s", sum(report.seconds[k] or 0.0 for k in ("import", "lower", "emit"))),
        Figure("estimate of area, ms", estimated * 1000),
        Figure("prediction of cycles, ms", predicted * 1000),
        Figure("prediction of cycles, beats/s", beats / predicted),
        Figure("simulated and compared, inferences/s", _SAMPLES / seconds),
        Figure("simulated and compared, cycles/s", _SAMPLES * (seen.interval_cycles if seen else 0) / seconds),
    )
