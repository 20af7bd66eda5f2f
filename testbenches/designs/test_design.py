"""One generated design, the build directory that HWGEN_DESIGN names, through the cocotb tests of any design."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hwgen.errors import HwgenError
from hwgen.rtl.build_directory import Build
from hwgen.sim.cocotb_runner import run_cocotb


def test_design_is_right() -> None:
    named = os.environ.get("HWGEN_DESIGN")
    if not named:
        pytest.skip("HWGEN_DESIGN names no build directory")
    seed = int(os.environ.get("HWGEN_SEED") or 1)
    samples = int(os.environ.get("HWGEN_SAMPLES") or 50)
    waves = os.environ.get("WAVES", "0") not in ("", "0")
    try:
        result = run_cocotb(Build(Path(named)), samples=samples, seed=seed, waves=waves)
    except HwgenError as error:
        pytest.fail("\n".join((str(error), *getattr(error, "__notes__", ()))), pytrace=False)
    if result.failures:
        pytest.fail("\n".join((f"seed {seed}, {samples} samples", *result.failures)), pytrace=False)
