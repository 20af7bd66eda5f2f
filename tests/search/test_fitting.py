"""Formats fitted to numbers against trying all of a kind, and the words that ask for them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from hwgen.errors import HwgenError
from hwgen.formats import Affine, Binary, Fixed, Quantized, Ternary
from hwgen.search.fitting import fit_of, fitted


def error(format_: Quantized, numbers: np.ndarray) -> float:
    return float(((format_.decode(format_.quantize(numbers)) - numbers) ** 2).mean())


def made(choice: int | str, numbers: np.ndarray, axis: int | None = None) -> Quantized:
    fit = fit_of(choice, "here")
    assert fit is not None
    return fitted(fit, numbers, axis, "here")


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_bits_alone_are_the_binary_point_of_least_error(seed: int, bits: int) -> None:
    random = np.random.default_rng(seed)
    for scale in (1e-3, 1.0, 300.0):
        numbers = random.normal(0, scale, 500)
        found = made(bits, numbers)
        assert isinstance(found, Fixed) and (found.width, found.is_signed) == (bits, True)
        assert error(found, numbers) == min(error(Fixed(bits, point), numbers) for point in range(-30, 30))
        assert made(bits, np.abs(numbers)) == min(
            (Fixed(bits, point, is_signed=False) for point in range(30, -30, -1)), key=lambda f: error(f, np.abs(numbers))
        )


def test_scale_of_a_channel_fits_no_worse_than_one_for_all_and_than_a_binary_point(seed: int) -> None:
    random = np.random.default_rng(seed)
    numbers = random.normal(0, 1, (6, 40)) * random.uniform(0.1, 10, (6, 1))
    for bits in (2, 3, 4):
        channel, tensor = made(f"{bits}/channel", numbers, 0), made(f"{bits}/tensor", numbers, 0)
        assert isinstance(channel, Affine) and channel.axis == 0 and len(channel.scales) == 6
        assert isinstance(tensor, Affine) and tensor.axis is None
        assert error(channel, numbers) < error(tensor, numbers) <= 1.02 * error(Fixed(bits, 1), numbers)
    other = made("3/channel", numbers.T.copy(), 1)
    assert other.axis == 1 and other.scales == made("3/channel", numbers, 0).scales


def test_signs_get_the_scale_of_least_error(seed: int) -> None:
    numbers = np.random.default_rng(seed).normal(0, 0.3, 400)
    binary, ternary = made("binary/tensor", numbers), made("ternary/tensor", numbers)
    assert isinstance(binary, Binary) and isinstance(ternary, Ternary)
    for found, kind in ((binary, Binary), (ternary, Ternary)):
        best = min(error(kind((Fraction(k, 1000),)), numbers) for k in range(1, 1500, 3))
        assert error(found, numbers) <= 1.01 * best


def test_scales_have_eight_significant_bits(seed: int) -> None:
    found = made("4/channel", np.random.default_rng(seed).normal(0, 1, (20, 9)), 0)
    assert all((s.numerator.bit_length() <= 8 or s.denominator == 1) for s in found.scales)


def test_nothing_but_zeros_is_fitted() -> None:
    for choice in (4, "4/channel", "ternary/tensor", "binary/tensor"):
        zeros = np.zeros((3, 4))
        found = made(choice, zeros, 0)
        if choice != "binary/tensor":
            assert not found.decode(found.quantize(zeros)).any()


@pytest.mark.parametrize(("choice", "numbers", "said"), [
    (1, [-1.0, 1.0], "one bit holds no number and its negative; give 2 bits or more, or binary/tensor"),
    ("0/tensor", [1.0], "0 bits; hardware takes 1 to 16"), ("17/channel", [1.0], "17 bits; hardware takes 1 to 16"),
    ("4/channel", [1.0, -1.0], "has no output channels to scale; write /tensor"),
])
def test_what_suits_no_numbers_is_refused(choice: int | str, numbers: list[float], said: str) -> None:
    with pytest.raises(HwgenError, match=said):
        made(choice, np.array(numbers))


@pytest.mark.parametrize("text", ["fixed<4,1>", "minifloat<4,3>", "4", "tensor/4", "4/row"])
def test_other_texts_are_formats_as_they_stand(text: str) -> None:
    assert fit_of(text, "here") is None
