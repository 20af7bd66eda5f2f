"""Devices by name, and what each holds."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hwgen.cost.area import Area, Target
from hwgen.errors import HwgenError


@dataclass(frozen=True, slots=True)
class Device:
    """holds: all of it; carry cells are not counted."""

    name: str
    target: Target
    holds: Area

    @property
    def limits(self) -> Mapping[str, int]:
        """By what is counted: ``luts``, ``ffs``, ``dsps``, ``brams``."""
        return {"luts": self.holds.luts, "ffs": self.holds.ffs, "dsps": self.holds.dsps, "brams": self.holds.brams}


@cache
def devices() -> Mapping[str, Device]:
    """All that are known (devices.toml)."""
    table = tomllib.loads(Path(__file__).with_name("devices.toml").read_text(encoding="utf-8"))
    return {
        name: Device(name, Target(family), Area(**holds)) for family, found in table.items() for name, holds in found.items()
    }


def device_of(name: str) -> Device:
    """The device of that name, in any case.  Raises HwgenError (``device``) that suggests the near one."""
    known = devices()
    found = known.get(name.strip().lower())
    if found is None:
        near = difflib.get_close_matches(name.lower(), known, 1)
        fix = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}; or give limits by --constraint"
        raise HwgenError("device", f"device {name!r}", "is not known", fix)
    return found
