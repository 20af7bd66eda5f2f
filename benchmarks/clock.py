"""The clock of a whole design beside that of the plainest path through a memory and a multiplier, both placed and routed."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.designs import JET_TAGGER, design
from hwgen.cost.area import Target
from hwgen.flow import emit_model
from hwgen.rtl.build_directory import Build
from hwgen.synth.nextpnr import route
from hwgen.synth.yosys import synthesize

WANTED_RATIO: Final = 0.75
_PRIMITIVE: Final = "primitive_path"


@dataclass(frozen=True)
class ClockRow:
    """multipliers, luts: of the design.  critical_path: of the design, hop by hop."""

    device: str
    design: str
    multipliers: int
    luts: int
    primitive_mhz: float
    design_mhz: float
    critical_path: tuple[str, ...]

    @property
    def ratio(self) -> float:
        """The design's clock over the primitive path's."""
        return self.design_mhz / self.primitive_mhz


def measure(folder: Path, seed: int) -> ClockRow:
    """Places and routes both on the same device with the same seed."""
    work = folder / _PRIMITIVE
    work.mkdir()
    shutil.copyfile(Path(__file__).with_name(f"{_PRIMITIVE}.sv"), work / f"{_PRIMITIVE}.sv")
    primitive = route(work, [f"{_PRIMITIVE}.sv"], _PRIMITIVE, seed=seed)
    chosen = design(JET_TAGGER, folder)
    emit_model(chosen.model, folder / "clock", chosen.options)
    build = Build(folder / "clock")
    made = synthesize(build, Target.ECP5, pnr=True, seed=seed)
    if made.timing is None:
        raise RuntimeError("place and route gave no timing")
    steps = tuple(f"{s.delay_ns:6.3f} ns  {s.stage}: {s.cell}" for s in made.timing.critical_path)
    return ClockRow(
        primitive.device, chosen.name, build.flow.multipliers, made.total.luts, primitive.fmax_mhz, made.timing.fmax_mhz, steps
    )


def table(row: ClockRow) -> list[str]:
    """Lines to print."""
    verdict = "reached" if row.ratio >= WANTED_RATIO else "MISSED"
    return [
        f"on {row.device}:",
        f"{'memory, register, multiplier, register':40} {row.primitive_mhz:8.1f} MHz",
        f"{f'{row.design}, {row.multipliers} multipliers, {row.luts} luts':40} {row.design_mhz:8.1f} MHz",
        f"{'ratio':40} {row.ratio:8.2f}   at least {WANTED_RATIO} {verdict}",
        "critical path of the design:", *(f"  {step}" for step in row.critical_path),
    ]
