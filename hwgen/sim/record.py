"""What a verification found, as it is kept in the build directory: ``verification.json``."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict
from typing import Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from hwgen import __version__
from hwgen.errors import HwgenError
from hwgen.frontend.limits import read_bytes
from hwgen.rtl.atomic import write_text
from hwgen.rtl.build_directory import Build
from hwgen.sim.compare import TrialResult, Verification
from hwgen.sim.distribution import CodesSeen
from hwgen.sim.toolchain import find_compiler, find_verilator

VERIFICATION: Final = "verification.json"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TrialRecord(_Record):
    """One run.  traffic: its name.  seed: of the initial state, the traffic and the resets.  resets: how many there were.

    mismatches: of ``samples`` inferences, those that differ.  cycles: simulated.
    """

    traffic: str
    seed: int
    samples: int
    resets: int
    mismatches: int
    cycles: int


class DifferenceRecord(_Record):
    """The first value that differs: see `hwgen.sim.locate.Difference`."""

    layer: str
    value: str
    sample: int
    element: int
    expected: int
    got: int | None
    traffic: str
    net: str
    waits: tuple[str, ...]


class VerificationRecord(_Record):
    """The hardware against the reference.  No times: the same build, samples and tools give the same bytes.

    sources_sha256: of the hardware that was simulated.  inputs: drawn from the seed, or given; codes_sha256: of their codes.
    mismatches: samples that differ in any bit of any trial.  latency, interval: as simulated; None where something differs.
    codes: of every value, over the samples (where they are large, some of them).  tools: program to version.
    """

    schema_version: Literal[2] = 2
    sources_sha256: str
    samples: int
    seed: int
    inputs: Literal["random", "given"]
    codes_sha256: str
    trials: tuple[TrialRecord, ...]
    mismatches: int
    first_difference: DifferenceRecord | None
    latency_cycles: int | None
    interval_cycles: int | None
    multiplier_utilization: float | None
    codes: tuple[CodesSeen, ...]
    tools: dict[str, str]


def _trial(result: TrialResult) -> TrialRecord:
    trial = result.trial
    return TrialRecord(
        traffic=trial.traffic.name, seed=trial.seed, samples=result.samples, resets=result.resets,
        mismatches=result.mismatches, cycles=result.cycles,
    )


def _tools() -> dict[str, str]:
    major, minor = find_verilator().version
    return {
        "hwgen": __version__, "python": platform.python_version(), "numpy": np.__version__, "verilator": f"{major}.{minor:03d}",
        "compiler": find_compiler().version,
    }


def record_of(build: Build, result: Verification, *, given: bool) -> VerificationRecord:
    """The record of ``result``, which must be of ``build`` as it is now.  given: the inputs were not drawn from the seed."""
    seen = result.performance
    return VerificationRecord(
        sources_sha256=build.sources_sha256, samples=result.samples, seed=result.seed, inputs="given" if given else "random",
        codes_sha256=result.codes_sha256, trials=tuple(map(_trial, result.trials)),
        mismatches=result.mismatches,
        first_difference=result.first_difference and DifferenceRecord(**asdict(result.first_difference)),
        latency_cycles=seen and seen.latency_cycles, interval_cycles=seen and seen.interval_cycles,
        multiplier_utilization=result.multiplier_utilization, codes=result.codes_seen, tools=_tools(),
    )


def can_keep(build: Build) -> bool:
    """Whether the build directory can be written."""
    return os.access(build.folder, os.W_OK)


def keep(build: Build, record: VerificationRecord) -> None:
    """Writes ``verification.json`` into the build directory, in the place of an earlier one."""
    write_text(build.folder / VERIFICATION, record.model_dump_json(indent=2) + "\n")


def kept(build: Build) -> VerificationRecord | None:
    """The last verification of this build directory, if one was kept.  Raises HwgenError where the file is damaged."""
    path = build.folder / VERIFICATION
    if not path.is_file():
        return None
    try:
        return VerificationRecord.model_validate_json(read_bytes(path))
    except ValidationError as error:
        first = error.errors()[0]
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise HwgenError(
            "no-verification", f"{VERIFICATION} of {build.folder.name!r}", what, "verify again with `hwgen sim`"
        ) from error


def is_current(build: Build, record: VerificationRecord) -> bool:
    """Whether the verification was of the hardware that the build directory holds now."""
    return record.sources_sha256 == build.sources_sha256
