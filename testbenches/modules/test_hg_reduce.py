"""hg_reduce: maximum, sum and weighted sum of every kind, the bound of each sum, latency from the last tap."""

from __future__ import annotations

from random import Random

import cocotb
import numpy as np
import pytest
from hwgen_tb import Case, beats_of, current_case, full, pack, pipeline_obeys, quick, run_case, unpack

MAXIMUM, SUM, WEIGHTED = 0, 1, 2
UNSIGNED, SIGNED, BIPOLAR = 0, 1, 2
W_SIGNED, W_BIPOLAR, W_TERNARY = 0, 1, 2


def weighted(lanes: int, taps: int, blocks: int, **more) -> dict:
    base = {"Lanes": lanes, "Kind": WEIGHTED, "Taps": taps, "Blocks": blocks, "WeightFile": "w.mem", "weights": "random"}
    return base | more


CASES = [
    quick(Lanes=1, Width=1, Signed=0, Kind=MAXIMUM, Taps=1, OutWidth=1),
    quick(Lanes=3, Width=5, Signed=1, Kind=MAXIMUM, Taps=4, OutWidth=7),
    quick(**weighted(3, 5, 2, Width=6, XKind=SIGNED, WWidth=4, OutWidth=11)),
    full(Lanes=2, Width=8, Signed=0, Kind=MAXIMUM, Taps=9, OutWidth=8),
    full(Lanes=2, Width=4, Signed=0, Kind=MAXIMUM, Taps=3, OutWidth=6),
    full(Lanes=1, Width=1, Signed=1, Kind=MAXIMUM, Taps=2, OutWidth=1),
    full(Lanes=4, Width=16, Signed=1, Kind=MAXIMUM, Taps=2, Blocks=3, OutWidth=16),
    # The narrowest sums that the extremes fit in: 9 * 255, 5 * -128, 1 * 1, 4 * -1.
    quick(Lanes=3, Width=8, Signed=0, Kind=SUM, Taps=9, OutWidth=12),
    full(Lanes=2, Width=8, Signed=1, Kind=SUM, Taps=5, OutWidth=11),
    full(Lanes=1, Width=1, Signed=0, Kind=SUM, Taps=1, OutWidth=1),
    full(Lanes=5, Width=1, Signed=1, Kind=SUM, Taps=4, OutWidth=3),
    full(Lanes=2, Width=6, Signed=1, Kind=SUM, Taps=49, Blocks=2, OutWidth=20),
    full(**weighted(1, 1, 1, Width=1, XKind=UNSIGNED, WWidth=1, OutWidth=1)),
    full(**weighted(1, 9, 1, Width=8, XKind=UNSIGNED, WWidth=8, OutWidth=20, RomStyle=1)),
    full(**weighted(2, 9, 3, Width=8, XKind=UNSIGNED, WWidth=5, OutWidth=17, RomStyle=2)),
    full(**weighted(2, 4, 3, Width=5, XKind=SIGNED, WKind=W_BIPOLAR, WWidth=1, OutWidth=8)),
    full(**weighted(2, 4, 3, Width=5, XKind=UNSIGNED, WKind=W_TERNARY, WWidth=2, OutWidth=8, RomStyle=2)),
    full(**weighted(3, 7, 2, Width=1, XKind=BIPOLAR, WKind=W_BIPOLAR, WWidth=1, OutWidth=4)),
    full(**weighted(3, 7, 2, Width=1, XKind=BIPOLAR, WKind=W_TERNARY, WWidth=2, OutWidth=4)),
    full(**weighted(3, 3, 4, Width=1, XKind=BIPOLAR, WWidth=5, OutWidth=7)),
    # Extreme sums: 9 * 255 * 31 and -32, 9 * -128 * -32.
    full(**weighted(2, 9, 2, Width=8, XKind=UNSIGNED, WWidth=6, OutWidth=18) | {"weights": "max"}),
    full(**weighted(2, 9, 2, Width=8, XKind=UNSIGNED, WWidth=6, OutWidth=18) | {"weights": "min"}),
    full(**weighted(2, 9, 2, Width=8, XKind=SIGNED, WWidth=6, OutWidth=17) | {"weights": "min"}),
]


def weights(case: Case, rng: Random) -> np.ndarray:
    """(blocks, taps, lanes)."""
    low, high = -(1 << (case.WWidth - 1)), (1 << (case.WWidth - 1)) - 1
    values = {W_BIPOLAR: [-1, 1], W_TERNARY: [-1, 0, 1]}.get(case.get("WKind", W_SIGNED), range(low, high + 1))
    draw = {"min": lambda: values[0], "max": lambda: values[-1], "random": lambda: rng.choice(values)}[case.weights]
    size = case.Blocks * case.Taps * case.Lanes
    return np.array([draw() for _ in range(size)], dtype=np.int64).reshape(case.Blocks, case.Taps, case.Lanes)


def memories(case: Case, rng: Random):
    if case.Kind != WEIGHTED:
        return {}
    rows = weights(case, rng).reshape(-1, case.Lanes)
    codes = rows > 0 if case.get("WKind", W_SIGNED) == W_BIPOLAR else rows
    return {"w.mem": ([pack(row, case.WWidth) for row in codes], case.WWidth * case.Lanes)}


@pytest.mark.parametrize("case", CASES)
def test_hg_reduce(case: Case) -> None:
    run_case("hg_reduce", __file__, case, memories)


@cocotb.test()
async def equals_numpy_over_each_group_of_taps(dut):
    case = current_case()
    kind = case.XKind if case.Kind == WEIGHTED else (SIGNED if case.Signed else UNSIGNED)
    weight = weights(case, case.random()) if case.Kind == WEIGHTED else None
    low, high = (-(1 << (case.Width - 1)), (1 << (case.Width - 1)) - 1) if kind == SIGNED else (0, (1 << case.Width) - 1)
    per_result = case.Taps * case.Lanes

    def beats(bench, count):
        rng = bench.rng
        # all least and all greatest of each block, one greatest among the least in a tap of its own, then random
        fixed = [[code] * per_result for code in (low, high) for _ in range(case.get("Blocks", 1))]
        fixed += [[high if k // case.Lanes == tap else low for k in range(per_result)] for tap in range(case.Taps)]
        drawn = [[rng.randint(low, high) for _ in range(per_result)] for _ in range(count)]
        return [beat for group in [*fixed, *drawn][: max(count, len(fixed))] for beat in beats_of(group, case.Lanes, case.Width)]

    def expected(sent):
        lanes = [unpack(beat, case.Lanes, case.Width, is_signed=kind == SIGNED) for beat in sent]
        x = np.array(lanes, dtype=np.int64).reshape(-1, case.Taps, case.Lanes)
        x = 2 * x - 1 if kind == BIPOLAR else x
        if case.Kind == MAXIMUM:
            results = x.max(axis=1)
        elif weight is None:
            results = x.sum(axis=1)
        else:
            results = np.einsum("ktl,ktl->kl", x, weight[np.arange(len(x)) % case.Blocks])
        signed_out = case.Kind == WEIGHTED or kind == SIGNED
        least, most = (-(1 << (case.OutWidth - 1)), 1 << (case.OutWidth - 1)) if signed_out else (0, 1 << case.OutWidth)
        assert results.min() >= least and results.max() < most, "the case itself overflows"
        return [pack(row, case.OutWidth) for row in results]

    read = 2 if case.get("RomStyle", 0) == 2 else 1
    await pipeline_obeys(dut, beats, expected, read + 2 if case.Kind == WEIGHTED else 1, group=case.Taps)
