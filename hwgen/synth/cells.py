"""What each cell that Yosys maps a design to counts as: one table a family.

A cell that is not listed stops the count: nothing is left out unseen.

ECP5     A carry cell (CCU2C) is a pair of LUT4s and counts as two LUTs as well; a distributed memory (TRELLIS_DPR16X4) is four.
         The muxes behind LUTs (PFUMX, L6MUX21) are part of a slice and count as nothing.
Xilinx   A LUT of any number of inputs is one LUT6, an inverter that was not absorbed is one; distributed memories as many as
         they occupy.  Yosys uses CARRY4 for UltraScale+ too: two of them are one CARRY8.  RAMB36 is two 18 kbit blocks.
iCE40    Multipliers are made of LUTs: only one chip of the family, the UP5K, has eight multiplier blocks.  There is no
         distributed memory: small memories become registers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hwgen.cost.area import Area, Target
from hwgen.errors import HwgenFailure

_NOTHING: Final = Area()
_LUT: Final = Area(luts=1)
_FF: Final = Area(ffs=1)
_DSP: Final = Area(dsps=1)
_BRAM: Final = Area(brams=1)
SCOPE: Final = "$scopeinfo"
"""Yosys's note of a module that it flattened: no cell."""
_COMMON: Final = {SCOPE: _NOTHING}

_ECP5: Final = {
    **_COMMON,
    "LUT4": _LUT, "CCU2C": Area(luts=2, carries=1), "TRELLIS_DPR16X4": Area(luts=4), "PFUMX": _NOTHING, "L6MUX21": _NOTHING,
    "TRELLIS_FF": _FF, "MULT18X18D": _DSP, "DP16KD": _BRAM, "PDPW16KD": _BRAM,
}
_XILINX: Final = {
    **_COMMON,
    **{f"LUT{n}": _LUT for n in range(1, 7)}, "INV": _LUT, "MUXF7": _NOTHING, "MUXF8": _NOTHING, "MUXF9": _NOTHING,
    "CARRY4": Area(carries=1), "CARRY8": Area(carries=1),
    "RAM32X1S": _LUT, "RAM64X1S": _LUT,
    "RAM32X1D": Area(luts=2), "RAM64X1D": Area(luts=2), "RAM128X1D": Area(luts=4), "RAM256X1D": Area(luts=8),
    "RAM32M": Area(luts=4), "RAM64M": Area(luts=4), "RAM32M16": Area(luts=8), "RAM64M8": Area(luts=8),
    "SRL16E": _LUT, "SRLC32E": _LUT,
    **{f"FD{kind}{edge}": _FF for kind in ("RE", "SE", "CE", "PE") for edge in ("", "_1")},
    "DSP48E1": _DSP, "DSP48E2": _DSP, "RAMB18E1": _BRAM, "RAMB18E2": _BRAM, "RAMB36E1": Area(brams=2), "RAMB36E2": Area(brams=2),
}
_ICE40: Final = {
    **_COMMON,
    "SB_LUT4": _LUT, "SB_CARRY": Area(carries=1), "SB_MAC16": _DSP,
    **{
        f"SB_DFF{edge}{enable}{kind}": _FF
        for edge in ("", "N") for enable in ("", "E") for kind in ("", "SR", "R", "SS", "S")
    },
    **{f"SB_RAM40_4K{kind}": _BRAM for kind in ("", "NR", "NW", "NRNW")},
}
CELLS: Final[dict[Target, dict[str, Area]]] = {
    Target.ECP5: _ECP5, Target.XCUP: _XILINX, Target.XC7: _XILINX, Target.ICE40: _ICE40,
}


def area_of(cells: Mapping[str, int], target: Target) -> Area:
    """The area of so many cells of each type.  Raises HwgenFailure (``unknown-cell``) for a type that the table lacks."""
    total = Area()
    for name, count in cells.items():
        one = CELLS[target].get(name)
        if one is None:
            raise HwgenFailure("unknown-cell", f"synthesis for {target}", f"{count} cells {name!r}", "please report this")
        total += Area(one.luts * count, one.ffs * count, one.carries * count, one.dsps * count, one.brams * count)
    return total
