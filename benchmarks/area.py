"""Estimates of area beside what Yosys counts, for ten designs."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.designs import Design, designs
from hwgen.cost.area import Area, Target
from hwgen.cost.estimate import estimate
from hwgen.flow import emit_model
from hwgen.rtl.build_directory import Build
from hwgen.synth.yosys import synthesize


@dataclass(frozen=True)
class AreaRow:
    """One design for one family."""

    design: str
    target: str
    parallelism: str
    estimated: Area
    synthesized: Area
    estimate_ms: float
    synthesis_s: float

    @property
    def ratio(self) -> float:
        """LUTs estimated over LUTs synthesized."""
        return self.estimated.luts / self.synthesized.luts

    @property
    def factor(self) -> float:
        """How far off, in either direction."""
        return max(self.ratio, 1 / self.ratio)

    @property
    def exact(self) -> bool:
        """Whether multiplier and memory blocks are as estimated."""
        return (self.estimated.dsps, self.estimated.brams) == (self.synthesized.dsps, self.synthesized.brams)


def _row(design: Design, target: Target, folder: Path) -> AreaRow:
    build = Build(folder)
    start = time.perf_counter()
    estimated = estimate(build.flow, target).total
    seconds = time.perf_counter() - start
    made = synthesize(build, target)
    return AreaRow(
        design.name, str(target), design.options.parallelism or "", estimated, made.total, round(1000 * seconds, 2), made.seconds
    )


def measure(targets: Sequence[Target], folder: Path) -> tuple[AreaRow, ...]:
    """Synthesizes every design for every family, as many at a time as there are cores."""
    made = designs(folder)
    places = [folder / f"design{k}" for k in range(len(made))]
    for design, place in zip(made, places, strict=True):
        emit_model(design.model, place, design.options)
    jobs = [(d, t, p) for t in targets for d, p in zip(made, places, strict=True)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return tuple(pool.map(lambda job: _row(*job), jobs))


def table(rows: Sequence[AreaRow]) -> list[str]:
    """Lines to print."""
    head = f"{'design':24} {'target':6} {'in x out':8} {'luts: est.':>10} {'yosys':>7} {'ratio':>6}"
    lines = [f"{head}   {'ffs':>13}   {'dsps':>9}   {'brams':>7}"]
    for r in rows:
        e, s = r.estimated, r.synthesized
        lines.append(
            f"{r.design:24} {r.target:6} {r.parallelism:8} {e.luts:10} {s.luts:7} {r.ratio:6.2f}   {f'{e.ffs}/{s.ffs}':>13}   "
            f"{f'{e.dsps}/{s.dsps}':>9}   {f'{e.brams}/{s.brams}':>7}{'' if r.exact else '  DIFFERS'}"
        )
    for target in dict.fromkeys(r.target for r in rows):
        factors = [r.factor for r in rows if r.target == target]
        exact = sum(r.exact for r in rows if r.target == target)
        lines.append(
            f"{target}: luts within a factor {max(factors):.2f} (median {statistics.median(factors):.2f}); "
            f"dsps and brams exact in {exact} of {len(factors)}"
        )
    return lines
