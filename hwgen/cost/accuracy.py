"""How far estimates lay from Yosys, as measured: `python -m benchmarks area` measures again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hwgen.cost.area import Target


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Factors between the LUTs estimated and those that Yosys counts, in either direction, over the benchmark's designs."""

    typical: float
    largest: float


MEASURED: Final[Mapping[Target, Accuracy]] = {
    Target.ECP5: Accuracy(1.05, 1.2),
    Target.XCUP: Accuracy(1.05, 1.15),
    Target.XC7: Accuracy(1.1, 1.25),
    Target.ICE40: Accuracy(1.15, 1.3),
}
