"""How far estimates lay from Yosys, as measured: `python -m benchmarks area` measures again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hwgen.cost.area import Target
from hwgen.cost.family import FAMILIES


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Factors between the LUTs estimated and those that Yosys counts, in either direction, over the benchmark's designs."""

    typical: float
    largest: float


_MEASURED: Final[Mapping[Target, Accuracy]] = {
    Target.ECP5: Accuracy(1.05, 1.2),
    Target.XCUP: Accuracy(1.05, 1.15),
    Target.XC7: Accuracy(1.1, 1.25),
    Target.ICE40: Accuracy(1.15, 1.3),
}
_WITHOUT_DSPS: Final[Mapping[Target, Accuracy]] = {
    Target.ECP5: Accuracy(1.1, 1.3),
    Target.XCUP: Accuracy(1.1, 1.3),
    Target.XC7: Accuracy(1.1, 1.3),
}


def accuracy_of(target: Target, *, dsps: bool = True) -> Accuracy:
    """What was measured of estimates for a target; without multiplier blocks where ``dsps`` is not set."""
    return _MEASURED[target] if dsps or FAMILIES[target].multiplier is None else _WITHOUT_DSPS[target]


def error_percent(estimated: float, counted: float) -> float:
    """By how much an estimate is above what was counted, in percent of that."""
    return round(100 * (estimated - counted) / max(1, counted), 1)
