"""Resources of an FPGA, counted alike by estimates and by synthesis."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Target(enum.StrEnum):
    """Families of devices, by the names that the command line takes."""

    ECP5 = "ecp5"
    XCUP = "xcup"
    XC7 = "xc7"
    ICE40 = "ice40"


@dataclass(frozen=True, slots=True)
class Area:
    """luts: the family's own (4 inputs: ECP5, iCE40; 6: Xilinx), those used as memory or as carry cells among them.

    ffs: flip-flops.  carries: carry cells of the family.  dsps: multiplier blocks.  brams: the family's smallest memory
    blocks (ECP5 18 kbit, Xilinx 18 kbit: a 36 kbit block counts as two, iCE40 4 kbit).
    """

    luts: int = 0
    ffs: int = 0
    carries: int = 0
    dsps: int = 0
    brams: int = 0

    def __add__(self, other: Area) -> Area:
        """Both together."""
        return Area(
            self.luts + other.luts, self.ffs + other.ffs, self.carries + other.carries, self.dsps + other.dsps,
            self.brams + other.brams,
        )
