"""Pools and reductions of random attributes equal torch's in float64, as reals and as integers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import numpy as np
import pytest
from networks import constant, graph_of, quantized
from ops.windows import FORMATS, Floats, compare, image, operators

from hwgen.errors import HwgenError
from hwgen.flow import run_passes
from hwgen.ir.graph import NO_ATTRS, Value
from hwgen.numerics.surd import Surd
from hwgen.ops.activation import RELU
from hwgen.ops.arithmetic import MUL
from hwgen.ops.conv import CONV, RealConvAttrs
from hwgen.ops.functions import SQUARE
from hwgen.ops.lane_pool import PoolAttrs
from hwgen.ops.pool import AVERAGE_POOL, MAX_POOL, RealPoolAttrs
from hwgen.ops.record import attrs_as, make
from hwgen.ops.reduce import REDUCE, ReduceAttrs
from hwgen.ops.scalar import SCALE_BIAS, ScaleBiasAttrs
from hwgen.ops.source import INPUT, InputAttrs

torch = pytest.importorskip("torch")
from torch.nn import functional  # noqa: E402

CASES = 80
Torch: Any = functional


def drawn(random: Random, rank: int, low: int, high: int) -> tuple[int, ...]:
    return tuple(random.randint(low, high) for _ in range(rank))


def random_windows(random: Random, rank: int, *, average: bool) -> RealPoolAttrs:
    kernel = drawn(random, rank, 1, 4)
    pads = tuple(random.randint(0, k // 2) for k in kernel)
    dilations = (1,) * rank if average else drawn(random, rank, 1, 2)
    divisor = random.choice((0, 0, 3)) if average and rank == 2 else 0
    return RealPoolAttrs(
        kernel, drawn(random, rank, 1, 4), dilations, pads * 2, random.random() < 0.5, random.random() < 0.5 or not average, divisor
    )


def torch_pool(attrs: RealPoolAttrs, *, average: bool) -> Callable[[Floats], Floats]:
    rank = len(attrs.kernel)

    def run(reals: Floats) -> Floats:
        x, windows = torch.tensor(reals), (attrs.kernel, attrs.strides, attrs.pads[:rank])
        if not average:
            return getattr(Torch, f"max_pool{rank}d")(x, *windows, attrs.dilations, attrs.ceil_mode).numpy()
        more = (attrs.divisor or None,) if rank == 2 else ()
        return getattr(Torch, f"avg_pool{rank}d")(x, *windows, attrs.ceil_mode, attrs.count_pads, *more).numpy()

    return run


@pytest.mark.parametrize("average", [False, True], ids=["max", "average"])
def test_pools_of_all_attributes_equal_torch(average: bool, random: Random) -> None:
    made = 0
    while made < CASES:
        rank = random.choice((1, 2))
        x = image(random, channels=random.randint(1, 3), size=drawn(random, rank, 1, 9), format_=random.choice(FORMATS))
        attrs = random_windows(random, rank, average=average)
        try:
            y = make(AVERAGE_POOL if average else MAX_POOL, attrs, [x], "y", "y").output
        except HwgenError as error:
            assert "window" in str(error)
            continue
        made += 1
        compare(y, torch_pool(attrs, average=average), random)


def squares(x: Value, random: Random) -> Value:
    """As a product or as a function, which come to the same."""
    if random.random() < 0.5:
        return make(MUL, NO_ATTRS, [x, x], "squares", "squares").output
    return make(SQUARE, NO_ATTRS, [x], "squares", "squares").output


def test_reductions_along_all_axes_equal_numpy(random: Random) -> None:
    functions = {"sum": np.sum, "mean": np.mean, "max": np.max}
    seen: set[str] = set()
    for _ in range(2 * CASES):
        rank = random.choice((0, 1, 2))
        shape = drawn(random, rank + 1, 1, 6)
        x = image(random, channels=shape[0], size=shape[1:], format_=random.choice(FORMATS))
        axes = tuple(sorted(random.sample(range(1, rank + 2), random.randint(1, rank + 1))))
        kind, keep, squared = random.choice(tuple(functions)), random.random() < 0.5, random.random() < 0.3
        inner = squares(x, random) if squared and kind != "max" else x
        y = make(REDUCE, ReduceAttrs(kind, axes, keep), [inner], "y", "y").output
        wanted = partial(functions[kind], axis=axes, keepdims=keep)
        seen.update(operators(compare(y, wanted if inner is x else lambda reals, wanted=wanted: wanted(reals * reals), random)))
    assert {"pool_codes", "conv_codes", "eltwise"} <= seen


def test_scales_of_channels_meet_in_sums_across_channels(random: Random) -> None:
    gains = np.array([1, -2, 3, 5])
    x = image(random, channels=4, size=(3, 2), format_="uint4[scale=1/2,zero=3]")
    scaled = make(SCALE_BIAS, ScaleBiasAttrs(tuple(map(Surd.of, gains.tolist())), (Surd.of(1),), 1), [x], "s", "s").output
    y = make(REDUCE, ReduceAttrs("mean", (1, 3), False), [scaled], "y", "y").output
    compare(y, lambda reals: (reals * gains.reshape(-1, 1, 1) + 1).mean((1, 3)), random)


def test_a_maximum_sees_reals_where_a_factor_turns_codes(random: Random) -> None:
    """Of an unquantized accumulator behind a batch norm with gains of both signs and a ReLU."""
    x = image(random, channels=2, size=(4, 4), format_="int4[scale=1/4]")
    weight = np.random.default_rng(random.getrandbits(32)).integers(-3, 4, (3, 2, 2, 2))
    value = make(CONV, RealConvAttrs((1, 1), (1, 1), (0, 0, 0, 0)), [x, constant(weight, "w")], "c", "c").output
    gains = np.array([2.0, -1.0, 0.0])
    scaled = ScaleBiasAttrs(tuple(Surd.of(g) for g in gains.tolist()), (Surd.of(1),), 1)
    value = make(RELU, NO_ATTRS, [make(SCALE_BIAS, scaled, [value], "bn", "bn").output], "relu", "relu").output
    pooled = make(MAX_POOL, RealPoolAttrs((2, 2), (1, 1), (1, 1), (0, 0, 0, 0)), [value], "y", "y").output

    def wanted(reals: Floats) -> Floats:
        made = functional.conv2d(torch.tensor(reals), torch.tensor(weight, dtype=torch.float64)).numpy()
        made = np.maximum(made * gains.reshape(-1, 1, 1) + 1, 0)
        return np.rint(np.clip(functional.max_pool2d(torch.tensor(made), 2, 1).numpy() * 4, 0, 15)) / 4

    compare(quantized(pooled, "uint4[scale=1/4]", "y.q"), wanted, random)


def test_an_average_adds_and_leaves_its_divisor_to_the_requantizer(random: Random) -> None:
    x = image(random, channels=2, size=(6, 6), format_="int4[scale=1/4]")
    y = make(AVERAGE_POOL, RealPoolAttrs((3, 3), (3, 3), (1, 1), (0, 0, 0, 0)), [x], "y", "y").output
    lowered, _ = run_passes(graph_of(quantized(y, "int6[scale=1/4]", "y.q")), "fold-constants, lower")
    names = operators(lowered)
    assert next(n for n in names if n not in ("input", "permute")) == "pool_codes"
    assert sum("requant" in n or n == "table" for n in names) == 1
    (node,) = (n for n in lowered.nodes if n.op == "pool_codes")
    assert attrs_as(node, PoolAttrs).kind == "sum"


def refusal(op: Any, attrs: Any, shape: tuple[int, ...]) -> str:
    with pytest.raises(HwgenError) as caught:
        make(op, attrs, [make(INPUT, InputAttrs(shape), [], "x", "x").output], "y", "pool1")
    return str(caught.value)


def test_windows_that_cannot_be_are_refused_with_the_reason() -> None:
    assert "a window of 5 (dilation 1) on 4 positions" in refusal(MAX_POOL, RealPoolAttrs((5,), (1,), (1,), (0, 0)), (1, 2, 4))
    assert "lies in the pads (3, 0)" in refusal(MAX_POOL, RealPoolAttrs((2,), (1,), (1,), (3, 0)), (1, 2, 4))
    assert "use one or two axes" in refusal(MAX_POOL, RealPoolAttrs((2,), (1,), (1,), (0, 0)), (1, 2))
    assert "check the axes" in refusal(REDUCE, ReduceAttrs("sum", (0, 1)), (1, 2, 3))


def test_a_border_that_divides_by_too_many_numbers_is_refused(random: Random) -> None:
    x = image(random, channels=64, size=(40, 40), format_="int4[scale=1/4]")
    windows = RealPoolAttrs((3, 3), (1, 1), (1, 1), (1, 1, 1, 1), count_pads=False)
    y = make(AVERAGE_POOL, windows, [x], "y", "y").output
    with pytest.raises(HwgenError, match="divides by other numbers at the border, which takes 102400 factors"):
        run_passes(graph_of(y), "fold-constants, lower")
