"""What is proved: harnesses with parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from formal.prover import Case

FIFO_DEPTHS: Final = (1, 2, 3, 4, 5, 7, 8)
BLOCK_FIFO_DEPTHS: Final = (3, 4, 5, 7, 8)
"""Of those in block memory."""

RATIOS: Final = (
    # elements, in, out: up, down, neither divides the other, partial last beats on either side or both, one beat a vector
    (8, 1, 2), (8, 2, 1), (8, 2, 4), (8, 4, 2), (8, 1, 8), (8, 8, 1), (6, 2, 3), (6, 3, 2), (12, 4, 6), (5, 1, 2), (5, 2, 1),
    (7, 2, 4), (7, 4, 2), (9, 2, 3), (9, 4, 3), (10, 4, 5), (11, 5, 3), (7, 7, 3), (5, 3, 5), (3, 2, 3), (2, 1, 2),
)


PIPELINES: Final = ((0, 2, 1), (1, 3, 1), (2, 4, 1), (3, 5, 1), (1, 1, 1), (2, 3, 1), (2, 1, 2), (1, 3, 2), (2, 2, 3))
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

WINDOWS: Final[tuple[dict[str, int], ...]] = (
    # a convolution with fewest rows; steps and crops; padding alone; images smaller than the kernel; blocks in groups
    {"Period": 2},
    {"Period": 2, "RamStyle": 2},
    {**POINT, "Cols": 3, "OutRows": 1, "RowStep": 2, "ColStep": 2, "Slots": 1, "Period": 6},
    {**POINT, "PadTop": 1, "OutRows": 4, "Slots": 1, "Period": 2},
    {"Rows": 1, "Cols": 1, "OutRows": 1, "OutCols": 1, "KernelRows": 3, "KernelCols": 1, "PadLeft": 0, "Period": 2},
    {**POINT, "KernelRows": 2, "Blocks": 2, "Groups": 2, "Cols": 1, "OutRows": 1, "OutCols": 1, "RamStyle": 2, "Period": 5},
)


TRANSPOSES: Final = ((3, 2, 1, 2), (2, 2, 2, 0), (2, 2, 1, 0), (2, 1, 2, 2), (2, 1, 1, 2), (1, 1, 2, 0))
"""Turns of the outer and the inner loop, banks, style of the memory."""


def _period(depth: int, latency: int, beats_per_output: int) -> int:
    """Cycles a result: the gate takes so many beats, and ``depth`` results share the way of ``latency + 2`` edges."""
    return max(beats_per_output, -(-(latency + 2) // depth))


def cases() -> Iterator[Case]:
    """All proofs, the long ones first."""
    yield from (Case("fv_stream_fifo", {"Depth": depth}) for depth in sorted(FIFO_DEPTHS, reverse=True))
    yield from (Case("fv_stream_fifo", {"Depth": depth, "RamStyle": 2}) for depth in sorted(BLOCK_FIFO_DEPTHS, reverse=True))
    yield from (Case("fv_credit_fifo", {"Depth": depth}) for depth in (5, 4, 3, 2, 1))
    for latency, depth, beats in PIPELINES:
        period = _period(depth, latency, beats)
        parameters = {"Latency": latency, "Depth": depth, "BeatsPerOutput": beats, "Period": period}
        yield Case("fv_gated_pipeline", parameters)
    yield Case("fv_skid_buffer", {"Width": 1})
    yield Case("fv_skid_buffer", {"Width": 4})
    yield from (Case("fv_stream_fork", {"Outputs": outputs}) for outputs in (1, 2, 3))
    yield from (Case("fv_pair_gate", {"AWidth": a, "BWidth": b}) for a, b in ((2, 1), (1, 3)))
    for outer, inner, banks, style in TRANSPOSES:
        yield Case("fv_reorder", {"Outer": outer, "Inner": inner, "Banks": banks, "RamStyle": style}, steps=32)
    for turns in TURNS:
        yield Case("fv_concat", {"Inputs": len(turns), **dict(zip(("First", "Second", "Third"), turns, strict=False))})
    for box in BOXES:
        parameters: dict[str, int] = {}
        for name, (size, first, last) in zip(("Row", "Col", "Block"), box, strict=True):
            parameters |= {f"{name}s": size, f"{name}First": first, f"{name}Last": last}
        yield Case("fv_select", parameters)
    yield from (Case("fv_window", window, steps=40) for window in WINDOWS)
    for elements, in_lanes, out_lanes in RATIOS:
        yield Case("fv_width_converter", {"Elements": elements, "InLanes": in_lanes, "OutLanes": out_lanes})
    yield Case("fv_width_converter", {"Elements": 7, "InLanes": 3, "OutLanes": 2, "Width": 3})
