"""Exact sums of square roots: order and floor against mpmath at 400 digits, and the algebra against squares."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import mpmath
import pytest

from hwgen.errors import HwgenError
from hwgen.numerics.surd import ZERO, Surd

DIGITS = 400


def random_fraction(random: Random, size: int, *, positive: bool = False) -> Fraction:
    top = random.randint(1 if positive else -size, size)
    return Fraction(top, random.randint(1, size))


def random_surd(random: Random) -> tuple[Surd, mpmath.mpf]:
    """A sum of up to three terms, and its value by another route."""
    exact, value = ZERO, mpmath.mpf(0)
    for _ in range(random.randint(0, 3)):
        size = random.choice((4, 10**3, 2**40))
        coefficient, radicand = random_fraction(random, size), random_fraction(random, size, positive=True)
        exact = exact + Surd.of(coefficient) * Surd.sqrt(radicand)
        root = mpmath.sqrt(mpmath.mpf(radicand.numerator) / radicand.denominator)
        value += mpmath.mpf(coefficient.numerator) / coefficient.denominator * root
    return exact, value


def test_order_floor_and_float_agree_with_400_digits(random: Random) -> None:
    with mpmath.workdps(DIGITS):
        for _ in range(400):
            (a, x), (b, y) = random_surd(random), random_surd(random)
            near = mpmath.mpf(10) ** (-DIGITS // 2)
            expected = 0 if abs(x - y) < near else int(mpmath.sign(x - y))
            assert (a - b).sign() == expected, f"{a} and {b}"
            assert (a < b) == (expected < 0), f"{a} and {b}"
            if abs(x - mpmath.nint(x)) > near:
                assert a.floor() == int(mpmath.floor(x)), str(a)
            assert abs(float(a) - float(x)) <= abs(float(x)) * 2**-50 + 1e-300, str(a)


def test_sums_products_and_inverses_agree_with_400_digits(random: Random) -> None:
    with mpmath.workdps(DIGITS):
        tiny = mpmath.mpf(10) ** (-DIGITS + 60)

        def value(exact: Surd) -> mpmath.mpf:
            low, high = exact.bounds(1200)
            return mpmath.mpf(low.numerator) / low.denominator / 2 + mpmath.mpf(high.numerator) / high.denominator / 2

        for _ in range(100):
            (a, x), (b, y) = random_surd(random), random_surd(random)
            assert abs(value(a + b) - (x + y)) <= tiny * (abs(x) + abs(y) + 1)
            assert abs(value(a * b) - x * y) <= tiny * (abs(x * y) + 1) * 2**90
            if len(a.terms) == 1:
                assert abs(value(a.inverse()) - 1 / x) <= tiny * abs(1 / x) * 2**90


def test_neighbours_that_doubles_confuse_are_told_apart() -> None:
    # Pell: 665857/470832 is the square root of 2 but for 1.6e-12; the next convergents are far below double precision
    p, q = 1, 1
    for step in range(60):
        p, q = p + 2 * q, p + q
        assert (Surd.of(Fraction(p, q)) - Surd.sqrt(Fraction(2))).sign() == (1 if step % 2 == 0 else -1), f"{p}/{q}"


@pytest.mark.parametrize("root", [Fraction(3), Fraction(5, 7), Fraction(10**30 + 1, 10**15)])
def test_root_of_a_square_is_rational(root: Fraction) -> None:
    assert Surd.sqrt(root * root).rational == root


def test_inverse_of_a_root_times_the_root_is_one() -> None:
    root = Surd.sqrt(Fraction(12345679, 1024))
    assert (root * root.inverse()).rational == 1


def test_value_equal_to_an_integer_has_it_as_its_floor() -> None:
    assert Surd.of(-3).floor() == -3
    assert (Surd.sqrt(Fraction(2)) * Surd.sqrt(Fraction(2)) - Surd.of(5)).floor() == -3
    assert (-Surd.sqrt(Fraction(2))).floor() == -2


def test_text_reads_back(random: Random) -> None:
    for _ in range(200):
        exact, _ = random_surd(random)
        assert Surd.parse(str(exact)) == exact


@pytest.mark.parametrize(
    "text",
    ["", "x", "1/0", "1/", "+", "1++2", "1*sqrt(-2)", "1*sqrt(2/0)", "1*sqrt(0)x", "--1", "1e3", "٣", "1*sqrt()", "1 "],
)
def test_damaged_text_is_refused(text: str) -> None:
    with pytest.raises(HwgenError):
        Surd.parse(text)


def test_root_of_zero_in_a_text_is_zero() -> None:
    assert Surd.parse("1*sqrt(0)") == ZERO


def test_square_root_of_a_negative_number_is_refused() -> None:
    with pytest.raises(HwgenError, match="negative"):
        Surd.sqrt(Fraction(-1, 3))


def test_division_by_zero_and_by_a_sum_are_refused() -> None:
    with pytest.raises(HwgenError, match="zero"):
        ZERO.inverse()
    with pytest.raises(HwgenError, match="sum of square roots"):
        (Surd.sqrt(Fraction(2)) + Surd.of(1)).inverse()


def test_two_spellings_of_one_root_are_one_number() -> None:
    # sqrt(8) = 2*sqrt(2): a batch norm with variance 8 beside one with variance 2
    difference = Surd.sqrt(Fraction(8)) - Surd.of(2) * Surd.sqrt(Fraction(2))
    assert difference.sign() == 0


def test_sum_that_is_zero_through_three_roots_is_found() -> None:
    # sqrt(2)*sqrt(3) - sqrt(6), and sqrt(18) + sqrt(2) - sqrt(32)
    two, three, six = (Surd.sqrt(Fraction(n)) for n in (2, 3, 6))
    assert (two * three - six).sign() == 0
    assert (Surd.sqrt(Fraction(18)) + two - Surd.sqrt(Fraction(32))).sign() == 0
