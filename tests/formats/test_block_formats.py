"""Block formats: shared exponents and elements against plain arithmetic in exact fractions, block by block."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from nearest import Nearest, log_words, minifloat_words

from hwgen.errors import HwgenError
from hwgen.formats import Affine, Block, Log, Minifloat, parse
from hwgen.formats.mx import ELEMENTS

TEXTS = (
    *ELEMENTS, "mxint<8,8,16>", "mxint<4,4,5>", "mxint<2,3,7>", "bminifloat<2,1,4,16>", "bminifloat<3,0,5,3>",
    "bminifloat<4,3,2,8,ieee>", "blog<3,8,16>", "blog<2,4,6,zero>", "mxfp4<e2m1,16>", "mxint8<5>",
)


def _search(element: object) -> Nearest:
    """The element's members, by definition."""
    match element:
        case Minifloat():
            return Nearest(minifloat_words(
                element.exponent_bits, element.mantissa_bits, element.exponent_bias, special=element.specials.value
            ))
        case Log():
            return Nearest(log_words(element.exponent_bits, element.exponent_bias, zero=element.zero))
        case Affine():
            return Nearest({Fraction(k, 1 << (element.width - 2)): k for k in range(1 << (element.width - 1))})
        case _:
            raise TypeError(element)


def _exponent(value: Fraction) -> int:
    """floor(log2(value))."""
    exponent = 0
    while Fraction(2) ** exponent > value:
        exponent -= 1
    while Fraction(2) ** (exponent + 1) <= value:
        exponent += 1
    return exponent


def _expected(block: list[float], format_: Block, nearest: Nearest) -> list[Fraction]:
    largest = max(abs(Fraction(v)) for v in block)
    bias = (1 << (format_.exponent_bits - 1)) - 1
    greatest = (1 << format_.exponent_bits) - 1 - bias - format_.reserves_nan
    shared = -bias
    if largest:
        shared = min(max(_exponent(largest) - _exponent(nearest.magnitudes[-1]), -bias), greatest)
    scale = Fraction(2) ** shared
    return [nearest(Fraction(v) / scale) * scale for v in block]


def _data(random: Random, shape: tuple[int, ...], dtype: type[np.floating]) -> np.ndarray:
    """Blocks of all sizes, ties, zeros and subnormals among them."""
    numbers = np.random.default_rng(random.getrandbits(32))
    data = numbers.normal(size=shape) * np.exp2(numbers.integers(-14, 14, shape) + random.choice((-140, -30, 0, 0, 20, 100)))
    data = np.where(numbers.random(shape) < 0.2, np.exp2(numbers.integers(-6, 6, shape)) * numbers.integers(-9, 9, shape) / 8, data)
    data[..., : shape[-1] // 3] *= numbers.random() < 0.7
    return data.astype(dtype)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_members_are_those_of_exact_arithmetic(text: str, dtype: type[np.floating], random: Random) -> None:
    format_ = parse(text)
    assert isinstance(format_, Block)
    nearest = _search(format_.element)
    for _ in range(6):
        data = _data(random, (2, random.randint(1, 70)), dtype)
        ours = format_.quantize_real(data)
        assert ours.dtype == dtype
        for row, got in zip(data.tolist(), ours.tolist(), strict=True):
            for at in range(0, len(row), format_.size):
                expected = _expected(row[at : at + format_.size], format_, nearest)
                assert [Fraction(v) for v in got[at : at + format_.size]] == expected, f"{row[at : at + format_.size]}"


@pytest.mark.parametrize("text", TEXTS)
def test_codes_stand_for_the_members(text: str, random: Random) -> None:
    format_ = parse(text)
    assert isinstance(format_, Block)
    data = _data(random, (3, 37), np.float32)
    codes = format_.quantize(data)
    low, high = format_.exponents
    assert codes.exponents.shape == (3, -(-37 // format_.size)) and low <= codes.exponents.min() and codes.exponents.max() <= high
    scales = np.repeat(np.exp2(codes.exponents.astype(np.float64)), format_.size, axis=-1)[:, :37]
    assert np.array_equal(format_.element.decode(codes.elements) * scales, format_.quantize_real(data))
    exponents, elements = format_.encode(codes)
    again = format_.decode_words(exponents, elements)
    assert elements.min() >= 0 and elements.max() < 1 << format_.element.storage_bits
    assert exponents.min() >= 0 and exponents.max() < 1 << format_.exponent_bits
    assert np.array_equal(again.exponents, codes.exponents) and np.array_equal(again.elements, codes.elements)
    assert np.array_equal(format_.decode(codes), format_.quantize_real(data).astype(np.float64))


def test_blocks_lie_along_the_axis_that_is_asked_for(random: Random) -> None:
    data = _data(random, (3, 20, 4), np.float32)
    for axis in (0, 1, 2, -1, -3):
        moved = parse("mxint<4,8,8>").quantize_real(np.moveaxis(data, axis, -1))  # pyright: ignore[reportAttributeAccessIssue]
        own = parse(f"mxint<4,8,8>[axis={axis}]").quantize_real(data)  # pyright: ignore[reportAttributeAccessIssue]
        given = parse("mxint<4,8,8>").quantize_real(data, axis)  # pyright: ignore[reportAttributeAccessIssue]
        assert np.array_equal(np.moveaxis(own, axis, -1), moved) and np.array_equal(own, given)


def test_members_stay_what_they_are(random: Random) -> None:
    for text in TEXTS:
        once = parse(text).quantize_real(_data(random, (2, 40), np.float32))  # pyright: ignore[reportAttributeAccessIssue]
        assert np.array_equal(parse(text).quantize_real(once), once), text  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("text", "bits"), [("mxfp8<e4m3>", Fraction(33, 4)), ("mxfp4<e2m1,16>", Fraction(9, 2)), ("mxint<4,4,8>", Fraction(9, 2)),
                       ("blog<3,5,10>", Fraction(9, 2)), ("bminifloat<3,2,8,16>", Fraction(13, 2))],
)
def test_an_element_pays_its_share_of_the_exponent(text: str, bits: Fraction) -> None:
    assert parse(text).storage_bits == bits  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("name", "greatest", "step"),
    [("mxfp8<e4m3>", 448, Fraction(1, 512)), ("mxfp8<e5m2>", 57344, Fraction(1, 65536)), ("mxfp6<e3m2>", 28, Fraction(1, 16)),
     ("mxfp6<e2m3>", Fraction(15, 2), Fraction(1, 8)), ("mxfp4<e2m1>", 6, Fraction(1, 2)),
     ("mxint8", Fraction(127, 64), Fraction(1, 64))],
)
def test_elements_have_the_range_that_the_microscaling_standard_gives(name: str, greatest: Fraction, step: Fraction) -> None:
    element = ELEMENTS[name]
    assert (element.high * element.scales[0], element.scales[0]) == (greatest, step)
    assert parse(name) == Block(element, 8, 32, reserves_nan=True)


def test_only_the_standard_s_names_keep_an_exponent_for_nan() -> None:
    huge = np.array([2.0**200, -(2.0**-200)])
    for text, exponent in (("mxint8", 127), ("mxint<8,8,32>", 128), ("mxint<8,3,32>", 4)):
        assert parse(text).quantize_real(huge).tolist() == [127 / 64 * 2.0**exponent, 0]  # pyright: ignore[reportAttributeAccessIssue]


def test_blocks_longer_than_the_axis_take_no_more_memory_than_that() -> None:
    format_ = parse("mxint<8,8,1000000>")
    assert isinstance(format_, Block)
    data = np.random.default_rng(1).normal(size=(5000, 3))  # whole blocks would take 40 GB
    codes = format_.quantize(data)
    assert codes.exponents.shape == (5000, 1)
    assert np.array_equal(format_.decode(codes), format_.quantize_real(data))


def test_blocks_of_no_size_and_wide_exponents_are_refused() -> None:
    for text in ("mxint<8,8,0>", "mxint<8,9,16>", "mxint<1,8,16>", "blog<3,0,16>", "mxfp8<e3m4>", "mxfp9<e4m3>", "mxint8<x>"):
        with pytest.raises(HwgenError):
            parse(text)
