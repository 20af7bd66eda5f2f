"""Constants of uneven formats become codes of an even grid, without loss."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest

from hwgen.errors import HwgenError
from hwgen.formats import Affine, parse_quantizer
from hwgen.formats.even_codes import even_codes

TEXTS = (
    "minifloat<4,3>", "minifloat<5,2,ieee>", "minifloat<3,2,nosub>", "log<4>", "log<3,zero,bias=5>", "mxint<6,8,8>",
    "bminifloat<3,2,6,16>", "blog<3,8,16>", "mxfp4<e2m1>", "mxfp8<e4m3>", "mxint8", "bfloat16",
)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_codes_stand_for_what_the_format_makes(text: str, dtype: type[np.floating], random: Random) -> None:
    format_ = parse_quantizer(text)
    for spread in (0.01, 1, 30):
        data = np.random.default_rng(random.getrandbits(32)).normal(0, spread, (9, 40)).astype(dtype)
        codes, even = even_codes(data, format_, "here")
        reals = format_.quantize_real(data)
        assert isinstance(even, Affine) and codes.min() >= even.low and codes.max() <= even.high
        assert all(Fraction(float(r)) == even.scale[0] * int(c) for r, c in zip(reals.ravel(), codes.ravel(), strict=True))
        assert (codes & 1).any() or not codes.any(), "the grid is the coarsest that holds them all"


def test_scales_per_channel_are_kept(random: Random) -> None:
    data = np.random.default_rng(random.getrandbits(32)).normal(0, 1, (2, 50))
    format_ = parse_quantizer("minifloat<3,2>[scale=1/3 5,axis=0]")
    codes, even = even_codes(data, format_, "here")
    assert isinstance(even, Affine) and even.along == 0 and even.scale[1] / even.scale[0] == 15
    assert np.array_equal(even.decode(codes), format_.decode(format_.quantize(data)))  # pyright: ignore[reportAttributeAccessIssue]


def test_even_formats_keep_their_codes() -> None:
    format_ = parse_quantizer("int4[scale=0.3]")
    codes, even = even_codes(np.array([0.3, 0.6, -9]), format_, "here")
    assert even is format_ and codes.tolist() == [1, 2, -8]


def test_nothing_but_zeros_has_a_grid_too() -> None:
    codes, even = even_codes(np.zeros((2, 3)), parse_quantizer("mxint8"), "here")
    assert not codes.any() and even.bits == 1


def test_values_too_far_apart_and_overflow_are_refused_with_the_place() -> None:
    with pytest.raises(HwgenError, match=r"quantize 'w'.*no common grid of 62 bits"):
        even_codes(np.array([1e-30, 1.0]), parse_quantizer("bfloat16"), "quantize 'w'")
    with pytest.raises(HwgenError, match=r"quantize 'w'.*overflows"):
        even_codes(np.array([1e9]), parse_quantizer("minifloat<4,3,ieee,inf>"), "quantize 'w'")
