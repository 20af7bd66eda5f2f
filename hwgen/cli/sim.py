"""``hwgen sim``: verifies a build directory again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hwgen.cli.options import DEFAULT_CYCLES_BUDGET, Cocotb, CyclesBudget, Inputs, Json, Samples, Seed
from hwgen.errors import HwgenError


def sim(
    build: Annotated[Path, typer.Argument(metavar="BUILD", help="A build directory.")],
    samples: Samples = None,
    seed: Seed = None,
    cycles_budget: CyclesBudget = None,
    codes: Annotated[
        Path | None,
        typer.Option("--codes", metavar="FILE.npy", help="Integer codes (samples, ...) of the input, as a failure leaves them."),
    ] = None,
    inputs: Inputs = None,
    cocotb: Cocotb = False,
    json: Json = False,
) -> None:
    """Verify a build directory again.

    Streams samples through its RTL and compares every bit with the reference.
    """
    from hwgen import flow
    from hwgen.cli.arrays import first_samples, load_array, load_codes
    from hwgen.cli.layers import print_layers
    from hwgen.cli.screen import Screen
    from hwgen.cli.verification import cocotb_record, exit_unless_equal, run_cocotb_of, verification_facts
    from hwgen.errors import clean
    from hwgen.rtl.build_directory import Build
    from hwgen.sim.samples import checked_codes, encode

    if codes is not None and inputs is not None:
        raise HwgenError("usage", "--codes", "given together with --inputs", "give one of the two")
    existing = Build(build)
    existing.check_hardware()
    data = None
    if codes is not None:
        data = checked_codes(first_samples(load_codes(codes, "--codes"), samples), existing.flow)
    elif inputs is not None:
        data = encode(first_samples(load_array(inputs, "--inputs"), samples), existing.flow, existing.quantizers)
    screen = Screen(as_json=json)
    with screen.working() as progress:
        progress("simulate")
        result = flow.simulate(
            build, samples=samples, seed=seed or 0, codes=data, cycles_budget=cycles_budget or DEFAULT_CYCLES_BUDGET
        )
        bench = None
        if cocotb and not result.mismatches:
            progress("cocotb")
            bench = run_cocotb_of(build, result.samples, seed or 0)
    predicted, seen = existing.manifest.predicted, result.performance
    record: dict[str, Any] = {
        "verification": {
            "samples": result.samples, "mismatches": result.mismatches,
            "first_difference": None if result.first_difference is None else str(result.first_difference),
        },
        "performance": {
            "latency_cycles": seen and seen.latency_cycles, "interval_cycles": seen and seen.interval_cycles,
            "predicted_latency_cycles": predicted.latency_cycles, "predicted_interval_cycles": predicted.interval_cycles,
            "multipliers": existing.flow.multipliers, "multiplier_utilization": result.multiplier_utilization,
        },
        "build_dir": str(build),
    }
    if cocotb:
        record["cocotb"] = cocotb_record(bench) if bench is not None else None
    screen.result(record)
    print_layers(screen, existing.flow, predicted.interval_cycles)
    screen.facts([("build directory", clean(build)), *verification_facts(result, predicted, build, seed or 0, bench)])
    exit_unless_equal(result, bench)
