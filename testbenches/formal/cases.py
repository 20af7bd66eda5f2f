"""What is proved: harnesses with parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from formal.prover import Case

FIFO_DEPTHS: Final = (1, 2, 3, 4, 5, 7, 8)
BLOCK_FIFO_DEPTHS: Final = (3, 4, 5, 7, 8)
"""Of those in block memory."""

CREDITS: Final = ((5, 0), (5, 2), (4, 0), (4, 2), (3, 0), (3, 2), (2, 0), (1, 0))
"""Depth, style of the memory."""

RATIOS: Final = (
    # elements, in, out: up, down, neither divides the other, partial last beats on either side or both, one beat a vector
    (8, 1, 2), (8, 2, 1), (8, 2, 4), (8, 4, 2), (8, 1, 8), (8, 8, 1), (6, 2, 3), (6, 3, 2), (12, 4, 6), (5, 1, 2), (5, 2, 1),
    (7, 2, 4), (7, 4, 2), (9, 2, 3), (9, 4, 3), (10, 4, 5), (11, 5, 3), (7, 7, 3), (5, 3, 5), (3, 2, 3), (2, 1, 2),
)

PIPELINES: Final = ((3, 5, 1), (2, 4, 1), (1, 3, 1), (0, 2, 1), (1, 1, 1), (2, 3, 1), (2, 1, 2), (1, 3, 2), (2, 2, 3))
"""Latency, depth, beats an output."""

TURNS: Final = ((1,), (3,), (1, 1), (2, 3), (4, 1), (1, 1, 1), (1, 2, 3), (3, 1, 4))
"""Beats of each input a turn."""

BOXES: Final = (
    # (size, first, last) of rows, columns and blocks: all, one beat, corners, the middle, one dimension only
    ((1, 0, 0), (1, 0, 0), (1, 0, 0)), ((2, 0, 1), (2, 0, 1), (2, 0, 1)), ((3, 1, 1), (3, 2, 2), (2, 1, 1)),
    ((3, 0, 1), (3, 0, 1), (1, 0, 0)), ((3, 1, 2), (3, 1, 2), (3, 2, 2)), ((4, 1, 2), (4, 1, 2), (2, 0, 1)),
    ((1, 0, 0), (1, 0, 0), (5, 4, 4)), ((1, 0, 0), (6, 2, 3), (1, 0, 0)), ((5, 0, 2), (1, 0, 0), (3, 1, 1)),
)

POINT: Final = {"KernelRows": 1, "KernelCols": 1, "PadTop": 0, "PadLeft": 0}
COLUMN: Final = {"KernelRows": 2, "KernelCols": 1, "PadLeft": 0, "Cols": 1, "OutCols": 1}

WINDOWS: Final[tuple[dict[str, int], ...]] = (
    # a convolution with fewest slots, on an image of more rows than slots, and from block memory
    {"Rows": 3, "OutRows": 3, "Period": 2},
    {"RamStyle": 2, "Period": 2},
    {"Period": 2},
    # dilated rows, dilated columns; steps with a spare slot
    {**COLUMN, "Rows": 3, "OutRows": 2, "DilationRows": 2, "Slots": 3, "Period": 4},
    {**COLUMN, "Rows": 3, "OutRows": 2, "RowStep": 2, "Slots": 3, "Period": 4},
    {"KernelRows": 1, "PadTop": 0, "Rows": 1, "Cols": 3, "OutRows": 1, "DilationCols": 2, "Slots": 1, "Period": 4},
    # steps that crop, uniform and of tables, and that repeat; padding alone
    {**POINT, "Cols": 3, "OutRows": 1, "RowStep": 2, "ColStep": 2, "Slots": 1, "Period": 6},
    {**POINT, "Rows": 4, "Cols": 1, "OutRows": 3, "OutCols": 1, "StepWidth": 2, "RowSteps": 0b0110, "RamStyle": 2, "Period": 4},
    {**POINT, "PadTop": 1, "Rows": 1, "Cols": 3, "OutCols": 3, "StepWidth": 2, "RowSteps": 0b01, "ColSteps": 0b1001, "Slots": 1,
     "Period": 4},
    {**POINT, "PadTop": 1, "OutRows": 4, "Slots": 1, "Period": 2},
    # an image smaller than the kernel; blocks in groups
    {**COLUMN, "Rows": 1, "OutRows": 1, "KernelRows": 3, "Period": 2},
    {**COLUMN, "PadTop": 0, "Blocks": 2, "Groups": 2, "OutRows": 1, "RamStyle": 2, "Period": 5},
)

REORDERS: Final = (
    # turns of each loop, outermost first, how far each goes, banks, style of the memory: transposes of two and of three axes
    ((2, 2, 2), (2, 1, 4), 1, 0), ((1, 3, 2), (1, 1, 3), 1, 2), ((1, 2, 2), (1, 1, 2), 2, 0), ((1, 2, 2), (1, 1, 2), 1, 0),
    ((1, 2, 1), (1, 1, 2), 2, 2), ((1, 2, 1), (1, 1, 2), 1, 2), ((1, 1, 1), (1, 1, 1), 2, 0),
)

ENDS: Final = ((2, 3, 3), (1, 8, 1), (3, 1, 2), (1, 9, 4))
"""Lanes, width and beats of an AXI4-Stream end."""


def _period(depth: int, latency: int, beats_per_output: int) -> int:
    """Cycles a result: the gate takes so many beats, and ``depth`` results share the way of ``latency + 2`` edges."""
    return max(beats_per_output, -(-(latency + 2) // depth))


def cases() -> Iterator[Case]:
    """All proofs, the long ones first."""
    yield from (Case("fv_window", window, steps=40) for window in WINDOWS)
    for turns, strides, banks, style in REORDERS:
        loops = dict(zip(("Outer", "Middle", "Inner"), turns, strict=True))
        loops |= dict(zip(("OuterBy", "MiddleBy", "InnerBy"), strides, strict=True))
        yield Case("fv_reorder", {**loops, "Banks": banks, "RamStyle": style}, steps=32)
    for latency, depth, beats in PIPELINES:
        period = _period(depth, latency, beats)
        yield Case("fv_gated_pipeline", {"Latency": latency, "Depth": depth, "BeatsPerOutput": beats, "Period": period})
    yield from (Case("fv_stream_fifo", {"Depth": depth}) for depth in sorted(FIFO_DEPTHS, reverse=True))
    yield from (Case("fv_stream_fifo", {"Depth": depth, "RamStyle": 2}) for depth in sorted(BLOCK_FIFO_DEPTHS, reverse=True))
    yield from (Case("fv_credit_fifo", {"Depth": depth, "RamStyle": style}) for depth, style in CREDITS)
    yield Case("fv_skid_buffer", {"Width": 1})
    yield Case("fv_skid_buffer", {"Width": 4})
    yield from (Case("fv_stream_fork", {"Outputs": outputs}) for outputs in (1, 2, 3))
    yield from (Case("fv_pair_gate", {"AWidth": a, "BWidth": b}) for a, b in ((2, 1), (1, 3)))
    for turns in TURNS:
        yield Case("fv_concat", {"Inputs": len(turns), **dict(zip(("First", "Second", "Third"), turns, strict=False))})
    for box in BOXES:
        parameters: dict[str, int] = {}
        for name, (size, first, last) in zip(("Row", "Col", "Block"), box, strict=True):
            parameters |= {f"{name}s": size, f"{name}First": first, f"{name}Last": last}
        yield Case("fv_select", parameters)
    for elements, in_lanes, out_lanes in RATIOS:
        yield Case("fv_width_converter", {"Elements": elements, "InLanes": in_lanes, "OutLanes": out_lanes})
    yield Case("fv_width_converter", {"Elements": 7, "InLanes": 3, "OutLanes": 2, "Width": 3})
    for lanes, width, beats in ENDS:
        yield Case("fv_axis_in", {"Lanes": lanes, "Width": width, "Beats": beats})
        yield Case("fv_axis_out", {"Lanes": lanes, "Width": width, "Beats": beats, "SignExtend": lanes % 2})
