"""Seeds: every random test runs with one fixed seed and one fresh seed, which is printed and can be given as HWGEN_SEED."""

from __future__ import annotations

import os
import secrets
import signal
from random import Random
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

FIXED_SEED: Final = 20240229
_FRESH: Final = "_HWGEN_FRESH_SEED"
"""Carries the fresh seed from the process that starts pytest to the workers of pytest-xdist."""

settings.register_profile("hwgen", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hwgen")


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background: what the tests interrupt would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.setdefault(_FRESH, os.environ.get("HWGEN_SEED") or str(secrets.randbelow(1 << 31)))


def pytest_report_header(config: pytest.Config) -> str:
    return f"seeds: {FIXED_SEED} and {os.environ[_FRESH]} (to repeat: HWGEN_SEED={os.environ[_FRESH]})"


@pytest.fixture(params=["fixed", "fresh"])
def seed(request: pytest.FixtureRequest) -> int:
    """Seed of a random test."""
    return FIXED_SEED if request.param == "fixed" else int(os.environ[_FRESH])


@pytest.fixture
def random(seed: int) -> Random:
    """Numbers of a random test."""
    return Random(seed)
