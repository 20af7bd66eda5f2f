"""Convolutions, plain and transposed, of random attributes, equal torch's in float64, as reals and as integers."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from networks import constant, graph_of
from ops.windows import FORMATS, Floats, compare, image, operators

from hwgen.errors import HwgenError
from hwgen.flow import run_passes
from hwgen.ir.graph import Node, Value
from hwgen.numerics.surd import Surd
from hwgen.ops.conv import CONV, RealConvAttrs
from hwgen.ops.conv_transpose import CONV_TRANSPOSE, TransposedAttrs, phases
from hwgen.ops.record import attrs_as, make
from hwgen.ops.scalar import SCALE_BIAS, ScaleBiasAttrs
from hwgen.ops.source import INPUT, ConstantAttrs, InputAttrs
from hwgen.ops.window_conv import ConvAttrs

torch = pytest.importorskip("torch")
from torch.nn import functional  # noqa: E402

CASES = 80


def drawn(random: Random, rank: int, low: int, high: int) -> tuple[int, ...]:
    return tuple(random.randint(low, high) for _ in range(rank))


def weights(random: Random, shape: tuple[int, ...], outputs: int) -> list[Value]:
    """A weight of small integers, at times of -1 and 1 only, and at times a bias."""
    dice = np.random.default_rng(random.getrandbits(32))
    weight = dice.choice([-1, 1], shape) if random.random() < 0.2 else dice.integers(-4, 5, shape)
    made = [constant(weight, "w")]
    return [*made, constant(dice.integers(-9, 10, outputs), "b")] if random.random() < 0.7 else made


def tensors(values: list[Value]) -> list[torch.Tensor]:
    return [torch.tensor(attrs_as(v.producer, ConstantAttrs).data.astype(np.float64)) for v in values]


def torch_conv(attrs: RealConvAttrs, operands: list[Value]) -> Callable[[Floats], Floats]:
    rank = len(attrs.strides)

    def run(reals: Floats) -> Floats:
        weight, *bias = tensors(operands)
        sides = [p for k in reversed(range(rank)) for p in (attrs.pads[k], attrs.pads[k + rank])]
        padded, one = functional.pad(torch.tensor(reals), sides), bias[0] if bias else None
        function = functional.conv2d if rank == 2 else functional.conv1d
        return function(padded, weight, one, attrs.strides, 0, attrs.dilations, attrs.groups).numpy()

    return run


def torch_transposed(attrs: TransposedAttrs, operands: list[Value]) -> Callable[[Floats], Floats]:
    rank = len(attrs.strides)

    def run(reals: Floats) -> Floats:
        weight, *bias = tensors(operands)
        function = functional.conv_transpose2d if rank == 2 else functional.conv_transpose1d
        numbers = (attrs.strides, attrs.pads[:rank], attrs.output_padding, attrs.groups, attrs.dilations)
        return function(torch.tensor(reals), weight, bias[0] if bias else None, *numbers).numpy()

    return run


def random_case(random: Random) -> tuple[int, int, int, int, Value]:
    """Axes, groups, channels in and out of a group, and an image."""
    rank, groups = random.choice((1, 2)), random.choice((1, 1, 2, 3))
    inputs, outputs = (1, 1) if random.random() < 0.25 else (random.randint(1, 3), random.randint(1, 3))
    x = image(random, channels=groups * inputs, size=drawn(random, rank, 1, 7), format_=random.choice(FORMATS))
    return rank, groups, inputs, outputs, x


def test_convolutions_of_all_attributes_equal_torch(random: Random) -> None:
    seen: set[str] = set()
    made = 0
    while made < CASES:
        rank, groups, inputs, outputs, x = random_case(random)
        operands = weights(random, (groups * outputs, inputs, *drawn(random, rank, 1, 4)), groups * outputs)
        pads = drawn(random, 2 * rank, 0, 3) if random.random() < 0.6 else (0,) * (2 * rank)
        attrs = RealConvAttrs(drawn(random, rank, 1, 3), drawn(random, rank, 1, 3), pads, groups)
        try:
            y = make(CONV, attrs, [x, *operands], "y", "y").output
        except HwgenError as error:
            assert "taps" in str(error)
            continue
        made += 1
        seen.update(operators(compare(y, torch_conv(attrs, operands), random)))
    assert {"conv_codes", "depthwise"} <= seen


def test_transposed_convolutions_of_all_attributes_equal_torch(random: Random) -> None:
    seen: set[str] = set()
    made = 0
    while made < CASES:
        rank, groups, inputs, outputs, x = random_case(random)
        operands = weights(random, (groups * inputs, outputs, *drawn(random, rank, 1, 4)), groups * outputs)
        strides, pads = drawn(random, rank, 1, 3), drawn(random, rank, 0, 2)
        extra = tuple(random.randrange(s) for s in strides)
        attrs = TransposedAttrs(strides, drawn(random, rank, 1, 3), pads * 2, extra, groups)
        try:
            y = make(CONV_TRANSPOSE, attrs, [x, *operands], "y", "y").output
        except HwgenError as error:
            assert "leave nothing" in str(error)
            continue
        made += 1
        seen.update(operators(compare(y, torch_transposed(attrs, operands), random)))
    assert {"conv_codes", "permute", "select"} <= seen


def test_channels_with_scales_of_their_own_meet_grouped_weights(random: Random) -> None:
    """A batch norm between the quantizer and the convolution: one real function a channel."""
    for groups in (1, 2, 4):
        x = image(random, channels=4, size=(5, 4), format_="int4[scale=1/4]")
        gains = [random.choice((1, 2, -3, 5)) for _ in range(4)]
        scaled = make(SCALE_BIAS, ScaleBiasAttrs(tuple(map(Surd.of, gains)), (Surd.of(0),), 1), [x], "s", "s").output
        operands = weights(random, (4, 4 // groups, 3, 2), 4)
        attrs = RealConvAttrs((1, 1), (1, 1), (1, 0, 1, 1), groups)
        y = make(CONV, attrs, [scaled, *operands], "y", "y").output
        wanted, factors = torch_conv(attrs, operands), np.array(gains).reshape(-1, 1, 1)
        compare(y, lambda reals, wanted=wanted, factors=factors: wanted(reals * factors), random)


def test_a_transposed_convolution_multiplies_by_no_inserted_zero() -> None:
    """Kernel 4, stride 2, padding 1: each of 2x2 phases has 2x2 taps, wherever the first output lies."""
    for size in (7, 8, 9, 16):
        made = phases(2 * size, 4, 2, 1, 1)
        assert (made.taps, made.stride) == (2, 2) and made.count <= size + 1
    one = phases(16, 2, 2, 1, 0)
    assert (one.taps, one.count, one.cut) == (1, 8, 0) and one.exact


def conv(shape: tuple[int, ...], weight: tuple[int, ...], attrs: RealConvAttrs, *bias: int) -> Node:
    x = make_input(shape)
    return make(CONV, attrs, [x, constant(np.ones(weight), "w"), *(constant(np.ones(b), "b") for b in bias)], "y", "features.3")


def make_input(shape: tuple[int, ...]) -> Value:
    return make(INPUT, InputAttrs(shape), [], "x", "x").output


PLAIN = RealConvAttrs((1, 1), (1, 1), (0, 0, 0, 0))


@pytest.mark.parametrize(
    ("shape", "weight", "attrs", "says"),
    [
        ((1, 3, 4, 4), (2, 3, 5, 5), PLAIN, "a kernel of 5 taps (dilation 1) on 4 positions with pads (0, 0)"),
        ((1, 3, 4, 4), (2, 3, 3, 3), RealConvAttrs((1, 1), (2, 1), (0, 0, 0, 0)), "(dilation 2) on 4 positions"),
        ((1, 6, 4, 4), (8, 1, 3, 3), RealConvAttrs((1, 1), (1, 1), (0, 0, 0, 0), 4), "groups=4 with 6 input and 8 output channels"),
        ((1, 6, 4, 4), (8, 3, 3, 3), PLAIN, "6 input channels, 1 groups and a weight of shape (8, 3, 3, 3)"),
        ((1, 3, 4, 4), (2, 3, 3, 3), RealConvAttrs((0, 1), (1, 1), (0, 0, 0, 0)), "at least 1"),
        ((1, 3, 4, 4), (2, 3, 3, 3), RealConvAttrs((1, 1), (1, 1), (0, -1, 0, 0)), "pads that are not negative"),
        ((1, 3, 4, 4, 4), (2, 3, 3, 3, 3), PLAIN, "use one or two axes of positions"),
    ],
)
def test_a_convolution_that_cannot_be_is_refused_with_the_reason(
    shape: tuple[int, ...], weight: tuple[int, ...], attrs: RealConvAttrs, says: str
) -> None:
    with pytest.raises(HwgenError) as caught:
        conv(shape, weight, attrs)
    assert "conv 'features.3'" in str(caught.value) and says in str(caught.value)


def test_a_bias_of_another_size_and_an_output_padding_of_a_stride_are_refused() -> None:
    with pytest.raises(HwgenError, match=r"a bias of shape \(3,\) for 2 outputs"):
        conv((1, 3, 4, 4), (2, 3, 3, 3), PLAIN, 3)
    attrs = TransposedAttrs((2, 2), (1, 1), (0, 0, 0, 0), (0, 2))
    with pytest.raises(HwgenError, match=r"conv_transpose 'up': output padding \(0, 2\) with strides \(2, 2\); .*below the stride"):
        make(CONV_TRANSPOSE, attrs, [make_input((1, 3, 4, 4)), constant(np.ones((3, 2, 2, 2)), "w")], "y", "up")


def test_padding_without_a_code_for_zero_is_refused(random: Random) -> None:
    x = image(random, channels=1, size=(4,), format_="int4[scale=1/4]")
    moved = make(SCALE_BIAS, ScaleBiasAttrs((Surd.of(1),), (Surd.parse("1/8"),)), [x], "moved", "moved").output
    y = make(CONV, RealConvAttrs((1,), (1,), (1, 1)), [moved, constant(np.ones((1, 1, 3)), "w")], "y", "y").output
    with pytest.raises(HwgenError, match="no code of its input stands for the 0"):
        run_passes(graph_of(y), "fold-constants, lower")
    unpadded = make(CONV, RealConvAttrs((1,), (1,), (0, 0)), [moved, constant(np.ones((1, 1, 3)), "w")], "y", "y").output
    run_passes(graph_of(unpadded), "fold-constants, lower")


def test_padding_is_the_code_of_zero(random: Random) -> None:
    x = image(random, channels=2, size=(5, 5), format_="uint4[scale=1/2,zero=3]")
    y = make(CONV, RealConvAttrs((1, 1), (1, 1), (1, 1, 1, 1)), [x, constant(np.ones((1, 2, 3, 3)), "w")], "y", "y").output
    ones = torch.ones(1, 2, 3, 3, dtype=torch.float64)
    lowered = compare(y, lambda reals: functional.conv2d(torch.tensor(reals), ones, padding=1).numpy(), random)
    (node,) = (n for n in lowered.nodes if n.op == "conv_codes")
    assert attrs_as(node, ConvAttrs).pad == 3
