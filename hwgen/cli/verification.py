"""What `build` and `sim` say of a verification, and how a difference is reproduced."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hwgen.errors import EXIT_FAILED, clean

if TYPE_CHECKING:
    from hwgen.dataflow.cycles import Performance
    from hwgen.sim.cocotb_runner import CocotbResult
    from hwgen.sim.compare import Verification


def run_cocotb_of(build_dir: Path, samples: int, seed: int) -> CocotbResult:
    """The cocotb test of a build, under random stalls."""
    from hwgen.rtl.build_directory import Build
    from hwgen.sim.cocotb_runner import run_cocotb

    return run_cocotb(Build(build_dir.resolve()), samples=samples, seed=seed)


def cocotb_record(result: CocotbResult) -> dict[str, Any]:
    """For JSON."""
    return {
        "samples": result.samples, "passed": result.passed, "failures": [clean(f) for f in result.failures],
        "seconds": round(result.seconds, 4),
    }


def verification_facts(
    result: Verification, predicted: Performance, build_dir: Path, seed: int, cocotb: CocotbResult | None
) -> list[tuple[str, str]]:
    """Cycles, mismatches, utilization; where something differs, the first difference and how to see it again."""
    seen = result.performance
    facts = [
        ("latency", f"{seen.latency_cycles if seen else '-'} cycles (predicted {predicted.latency_cycles})"),
        ("interval", f"{seen.interval_cycles if seen else '-'} cycles (predicted {predicted.interval_cycles})"),
    ]
    if result.multiplier_utilization is not None:
        facts.append(("utilization", f"{result.multiplier_utilization:.1%} of the slowest layer's multipliers"))
    verdict = "bit for bit equal" if not result.mismatches else "MISMATCH"
    facts.append(("verified", f"{result.mismatches} of {result.samples} samples differ: {verdict}"))
    if result.first_difference is not None:
        facts.append(("first difference", clean(result.first_difference)))
        codes = next((p for p in build_dir.glob("failure/codes*")), build_dir / "failure" / "codes.npy")
        facts.append(("reproduce", clean(f"hwgen sim {build_dir} --codes {codes} --seed {seed}")))
    if cocotb is not None:
        facts.append(("cocotb", f"{cocotb.passed} tests passed, {len(cocotb.failures)} failed ({cocotb.samples} samples)"))
        facts.extend(("", clean(failure)) for failure in cocotb.failures)
    return facts


def exit_unless_equal(result: Verification, cocotb: CocotbResult | None) -> None:
    """Ends the command with exit code 1 where anything differed."""
    if result.mismatches or (cocotb is not None and (cocotb.failures or not cocotb.passed)):
        raise typer.Exit(EXIT_FAILED)
