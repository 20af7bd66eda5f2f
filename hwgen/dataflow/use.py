"""Where the time of a stage's multipliers goes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from hwgen.dataflow.stage import Stage
from hwgen.dataflow.unit import Role, Unit, WindowTiming


@dataclass(frozen=True, slots=True)
class MultiplierUse:
    """Shares of the multipliers' cycles in one interval; together 1.

    products: of elements that are there.  padding: of window positions that lie outside the tensor.  filling: lanes past the last
    channel.  waiting: cycles without an operation.
    """

    products: float
    padding: float
    filling: float
    waiting: float

    @property
    def inside(self) -> float:
        """What the use would be if every window lay inside the tensor."""
        return self.products + self.padding


def _inside(start: int, steps: tuple[int, ...], taps: int, dilation: int, size: int) -> Fraction:
    """Share of the taps of all windows along one axis that lie within 0 … size - 1."""
    at, found = start, 0
    for step in (*steps, 0):
        found += sum(0 <= at + tap * dilation < size for tap in range(taps))
        at += step
    return Fraction(found, (len(steps) + 1) * taps)


def taps_inside(timing: WindowTiming) -> Fraction:
    """Share of all windows' positions that lie inside the tensor."""
    rows = _inside(timing.row_start, timing.row_steps, timing.kernel_rows, timing.dilation_rows, timing.rows)
    return rows * _inside(timing.col_start, timing.col_steps, timing.kernel_cols, timing.dilation_cols, timing.cols)


def multiplying(stage: Stage) -> Unit | None:
    """The unit whose products the layer is about, if there is one."""
    return next((p.unit for p in stage.units if p.unit.multipliers), None)


def multiplier_use(stage: Stage, interval_cycles: int) -> MultiplierUse | None:
    """At one tensor every ``interval_cycles``; None for a stage without multipliers."""
    unit = multiplying(stage)
    if unit is None:
        return None
    windows = [p.unit.timing for p in stage.streaming if isinstance(p.unit.timing, WindowTiming)]
    inside = taps_inside(windows[-1]) if windows else Fraction(1)
    whole = unit.multipliers * interval_cycles
    busy = unit.multipliers * unit.in_beats * (unit.repeats if unit.role is Role.FRONT else 1)
    return MultiplierUse(
        products=float(unit.macs * inside / whole), padding=float(unit.macs * (1 - inside) / whole),
        filling=(busy - unit.macs) / whole, waiting=1 - busy / whole,
    )
