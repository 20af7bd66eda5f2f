"""Exact facts about ``floor((p*x + q) / d)`` on a range of integers, in logarithmic time.

These let a requantizer be proven equal to its definition on millions of accumulator values without visiting them.
Both follow Euclid's algorithm on ``(p, d)``; ``floor_sum`` is the classical recursion (Graham, Knuth, Patashnik,
Concrete Mathematics, 3.5), ``max_along`` is the same descent for a maximum.
"""

from __future__ import annotations


def floor_sum(count: int, p: int, q: int, d: int) -> int:
    """``sum(floor((p*x + q) / d) for x in range(count))``; d > 0, any p and q."""
    total = 0
    while count > 0:
        total += (count - 1) * count // 2 * (p // d) + count * (q // d)
        p, q = p % d, q % d
        top = p * count + q
        # what remains is the lattice points under the line; counted by rows they lie under the mirrored line
        count, p, q, d = top // d, d, top % d, p
    return total


def max_along(first: int, last: int, u: int, v: int, p: int, q: int, d: int) -> int:
    """``max(u*x + v*floor((p*x + q) / d) for x in first..last)``; d > 0, first <= last, any signs."""
    return u * first + _max_from_zero(last - first, u, v, p, q + p * first, d)


def _max_from_zero(n: int, u: int, v: int, p: int, q: int, d: int) -> int:
    """``max(u*x + v*floor((p*x + q) / d) for x in 0..n)``."""
    constant = 0
    best = v * (q // d)
    while True:
        u += v * (p // d)
        constant += v * (q // d)
        p, q = p % d, q % d
        top = (p * n + q) // d
        best = max(best, constant, constant + u * n + v * top)
        if top == 0 or (u >= 0 and v >= 0) or (u <= 0 and v <= 0):
            return best  # monotone along the line: one of its ends
        if u < 0:
            # v > 0: for each y in 1..top the least x that reaches it: x = floor((d*y - q + p - 1) / p)
            # with z = y - 1 in 0..top-1: x = floor((d*z + d - q + p - 1) / p)
            constant += v
            n, u, v, p, q, d = top - 1, v, u, d, d - q + p - 1, p
        else:
            # v < 0: for each y in 0..top-1 the greatest x that still gives it: x = floor((d*(y+1) - q - 1) / p)
            n, u, v, p, q, d = top - 1, v, u, d, d - q - 1, p
