"""Ranges of formats from data."""

from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import cast, get_args

import numpy as np
import pytest

from hwgen.calibration.ranges import Method, RangeOptions, fitted
from hwgen.errors import HwgenError
from hwgen.formats import Affine, Binary, Fixed, Format, Quantized, Ternary, parse, parse_quantized
from passes import CalibrateRanges
from tests.calibration.trained import CALIBRATION, TEST, distance, trained, with_formats

FORMATS = (
    "fixed<5,1>", "ufixed<5,1>", "fixed<6,3,trn>", "int4[scale=1]", "uint4[scale=1]", "int5[scale=1,narrow=1]", "ternary[scale=1]",
    "binary[scale=1]", "minifloat<3,2>", "log<3>",
)
METHODS: tuple[Method, ...] = get_args(Method)


def error(format_: Format, values: np.ndarray) -> float:
    assert isinstance(format_, Quantized)
    return float(((format_.quantize_real(values) - values) ** 2).mean())


@pytest.mark.parametrize("text", FORMATS)
def test_the_least_error_is_never_above_that_of_another_method(text: str, random: Random) -> None:
    rng = np.random.default_rng(random.getrandbits(32))
    for values in (rng.normal(0, 3, 999), rng.standard_t(2, 999), np.abs(rng.normal(0, 0.1, 999)), rng.uniform(-1, 1, 50)):
        errors = {m: error(fitted(parse(text), values, RangeOptions(m)), values) for m in METHODS}
        assert errors["mse"] <= errors["min-max"] * (1 + 1e-6)
        assert errors["mse"] <= error(parse(text), values) * (1 + 1e-6) + (0.02 * (values**2).mean() if text in FORMATS[3:] else 0)


@pytest.mark.parametrize("text", [t for t in FORMATS if not t.startswith("binary")])
def test_extremes_are_held_by_min_max(text: str, random: Random) -> None:
    """The least and the greatest number are not further from a member than half a step."""
    rng = np.random.default_rng(random.getrandbits(32))
    for size in (0.01, 1.0, 300.0):
        values = rng.normal(0, size, 99)
        if text.startswith("ufixed"):
            values = np.abs(values)
        format_ = fitted(parse(text), values, RangeOptions("min-max"))
        assert isinstance(format_, Quantized)
        low, high = (float(format_.decode(np.array([c]))[0]) for c in (format_.low, format_.high))
        step = 0 if not format_.uniform else float(format_.scales[0])
        assert values.max() <= high + step * 1.01 and values.min() >= low - step * 1.01
        if isinstance(format_, Fixed):
            assert not np.abs(values).max() < 2.0 ** (format_.integer_bits - 2), "no integer bit too many"


def test_percentile_leaves_outliers_out() -> None:
    values = np.concatenate([np.linspace(-1, 1, 9999), [1000.0]])
    plain, most = (fitted(parse("int8[scale=1]"), values, RangeOptions(m, 0.999)) for m in ("min-max", "percentile"))
    assert isinstance(plain, Affine) and isinstance(most, Affine)
    assert plain.scale[0] > 7 and most.scale[0] < Fraction(1, 100)


def test_channels_get_scales_of_their_own() -> None:
    values = np.array([[1.0, -2.0], [100.0, 50.0], [0.0, 0.0]])
    format_ = fitted(Affine(8, True, False, (Fraction(1),) * 3, (0,), 0), values, RangeOptions("min-max"))
    assert isinstance(format_, Affine)
    assert [float(s) for s in format_.scale] == [float(np.float32(2 / 128)), float(np.float32(100 / 127)), 1.0]
    turned = fitted(Affine(8, True, False, (Fraction(1),) * 3, (0,), -1), values.T, RangeOptions("min-max"))
    assert isinstance(turned, Affine) and turned.scale == format_.scale


def test_unsigned_codes_get_a_zero_point_only_where_numbers_are_negative() -> None:
    for values, zero in ((np.array([0.0, 1, 15]), 0), (np.array([-5.0, 0, 10]), 5)):
        format_ = fitted(parse("uint4[scale=1]"), values, RangeOptions("min-max"))
        assert isinstance(format_, Affine) and format_.zero == (zero,) and error(format_, values) == 0


def test_powers_of_two_hold_the_extremes_too() -> None:
    format_ = fitted(parse("int8[scale=1]"), np.array([0.9, -3.1]), RangeOptions("min-max", power_of_two=True))
    assert isinstance(format_, Affine) and format_.scale == (Fraction(1, 32),)


def test_binary_and_ternary_are_the_best_of_a_fine_search() -> None:
    values = np.random.default_rng(4).normal(0, 2, 2000)
    for kind in (Binary, Ternary):
        best = min(error(kind((Fraction(float(s)),)), values) for s in np.linspace(0.1, 6, 400))
        assert error(fitted(kind(), values), values) <= best * 1.02


def test_nothing_is_chosen_for_zeros_and_for_blocks() -> None:
    assert str(fitted(parse("int8[scale=1/3]"), np.zeros(5))) == "int8[scale=1/3]"
    assert fitted(parse("mxint<4,8,16>"), np.ones(5)) == parse("mxint<4,8,16>")


@pytest.mark.parametrize(("method", "share"), [("mean", 1.0), ("mse", 0.0), ("percentile", 1.5)])
def test_unknown_methods_and_shares_are_refused(method: str, share: float) -> None:
    with pytest.raises(HwgenError) as caught:
        RangeOptions(cast(Method, method), share)
    assert caught.value.what.endswith(("is not known", "is no share"))


def test_weights_of_four_bits_are_better_by_mse_than_by_extremes_on_a_trained_network() -> None:
    graph = with_formats(trained(), parse_quantized("int4[scale=1]"))
    found = {m: distance(CalibrateRanges(method=m)(graph)[0]) for m in METHODS}
    assert found["mse"] < 0.9 * found["min-max"], found


def test_values_are_calibrated_by_data_and_kept_where_told() -> None:
    graph = with_formats(trained(), parse_quantized("int8[scale=1]"), parse_quantized("fixed<8,8>"))
    calibrated, info = CalibrateRanges(CALIBRATION)(graph)
    assert distance(calibrated, TEST) < distance(graph, TEST) / 50
    kept, _ = CalibrateRanges(CALIBRATION, keep=("x.q",))(graph)
    formats = {v.name: str(v.type.format) for v in kept.values()}
    assert formats["x.q"] == "fixed<8,8>" and formats["relu1.q"] != "fixed<8,8>"
    _, alone = CalibrateRanges()(graph)
    assert {n.what for n in alone.left} == {"there is no data for it"} and len(info.changed) > len(alone.changed)
