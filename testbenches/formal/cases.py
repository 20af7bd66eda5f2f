"""What is proved: harnesses with parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from formal.prover import Case

FIFO_DEPTHS: Final = (1, 2, 3, 4, 5, 7, 8)

RATIOS: Final = (
    # elements, in, out: up, down, neither divides the other, partial last beats on either side or both, one beat a vector
    (8, 1, 2), (8, 2, 1), (8, 2, 4), (8, 4, 2), (8, 1, 8), (8, 8, 1), (6, 2, 3), (6, 3, 2), (12, 4, 6), (5, 1, 2), (5, 2, 1),
    (7, 2, 4), (7, 4, 2), (9, 2, 3), (9, 4, 3), (10, 4, 5), (11, 5, 3), (7, 7, 3), (5, 3, 5), (3, 2, 3), (2, 1, 2),
)


PIPELINES: Final = ((0, 2, 1), (1, 3, 1), (2, 4, 1), (3, 5, 1), (1, 1, 1), (2, 3, 1), (2, 1, 2), (1, 3, 2), (2, 2, 3))
"""Latency, depth, beats an output."""


def _period(depth: int, latency: int, beats_per_output: int) -> int:
    """Cycles a result: the gate takes so many beats, and ``depth`` results share the way of ``latency + 2`` edges."""
    return max(beats_per_output, -(-(latency + 2) // depth))


def cases() -> Iterator[Case]:
    """All proofs, the long ones first."""
    yield from (Case("fv_stream_fifo", {"Depth": depth}) for depth in sorted(FIFO_DEPTHS, reverse=True))
    yield from (Case("fv_credit_fifo", {"Depth": depth}) for depth in (5, 4, 3, 2, 1))
    for latency, depth, beats in PIPELINES:
        period = _period(depth, latency, beats)
        parameters = {"Latency": latency, "Depth": depth, "BeatsPerOutput": beats, "Period": period}
        yield Case("fv_gated_pipeline", parameters)
    yield Case("fv_skid_buffer", {"Width": 1})
    yield Case("fv_skid_buffer", {"Width": 4})
    yield from (Case("fv_stream_fork", {"Outputs": outputs}) for outputs in (1, 2, 3))
    yield from (Case("fv_stream_join", {"Inputs": inputs}) for inputs in (1, 2, 3))
    for elements, in_lanes, out_lanes in RATIOS:
        yield Case("fv_width_converter", {"Elements": elements, "InLanes": in_lanes, "OutLanes": out_lanes})
    yield Case("fv_width_converter", {"Elements": 7, "InLanes": 3, "OutLanes": 2, "Width": 3})
