"""Minifloats and powers of two: every rounding decision against ml_dtypes, and against a search among the members by definition."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from nearest import Nearest, Words, log_words, minifloat_words, probes

from hwgen.errors import HwgenError
from hwgen.formats import Log, Minifloat, Specials, parse, parse_quantized
from hwgen.formats.mx import NAMES
from hwgen.numerics.rounding import Rounding, round_fraction

SATURATING_REFEREES = ("float6_e3m2fn", "float6_e2m3fn", "float4_e2m1fn")


def _words(format_: Minifloat | Log) -> Words:
    if isinstance(format_, Log):
        return log_words(format_.exponent_bits, format_.exponent_bias, zero=format_.zero)
    return minifloat_words(
        format_.exponent_bits, format_.mantissa_bits, format_.exponent_bias, special=format_.specials.value,
        subnormals=format_.subnormals, hidden=format_.hidden,
    )


def _reals(format_: Minifloat | Log) -> list[Fraction]:
    return [Fraction(float(c)) * format_.scales[0] for c in format_.members()]


def _text(format_: Minifloat | Log) -> str:
    return str(format_)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("float16", "bfloat16")])
def test_every_decision_is_that_of_ml_dtypes(name: str, seed: int) -> None:
    dtype = np.dtype(getattr(pytest.importorskip("ml_dtypes"), name))
    text = str(NAMES[name])
    format_ = parse_quantized(text if name in SATURATING_REFEREES else text.replace(">", ",inf>"))
    assert isinstance(format_, Minifloat)
    x = probes([m for m in _reals(format_) if m >= 0], seed, 4000)
    theirs = x.astype(dtype).astype(np.float32)
    ours = format_.quantize_real(x)
    assert ours.dtype == np.float32
    wrong = ~((ours == theirs) | (np.isnan(ours) & np.isnan(theirs)))
    assert not wrong.any(), f"{x[wrong][:4]} became {ours[wrong][:4]}, not {theirs[wrong][:4]}"
    kept = np.isfinite(ours)
    assert np.array_equal(NAMES[name].decode(NAMES[name].quantize(x[kept])), theirs[kept]), "codes and reals agree"


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_wide_floats_round_as_their_own_types_do(name: str, seed: int) -> None:
    dtype = np.dtype(np.float16) if name == "float16" else np.dtype(pytest.importorskip("ml_dtypes").bfloat16)
    random = np.random.default_rng(seed)
    bits = random.integers(0, 1 << 32, 200_000, dtype=np.uint32)
    ends = np.array([0, 0x1000, 0x7FFF, 0x8000, 0x8001, 0x3000], dtype=np.uint32)  # ties and what lies next to them
    bits[::2] = (bits[::2] & 0xFFFF0000) | random.choice(ends, len(bits[::2]))
    x = bits.view(np.float32)
    x = x[np.isfinite(x)]
    with np.errstate(over="ignore"):
        theirs = x.astype(dtype).astype(np.float32)
    ours = parse_quantized(str(NAMES[name]).replace(">", ",inf>")).quantize_real(x)
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("float16", "bfloat16")])
def test_words_are_the_bytes_of_ml_dtypes(name: str) -> None:
    dtype, format_ = np.dtype(getattr(pytest.importorskip("ml_dtypes"), name)), NAMES[name]
    codes = np.array(format_.members())
    reals = format_.decode(codes).astype(np.float32)
    words = format_.encode(codes)
    assert np.array_equal(words, reals.astype(dtype).view(np.uint8)), "encode"
    assert np.array_equal(format_.decode_words(words), codes), "decode"


def test_powers_of_two_round_as_e8m0_does(seed: int) -> None:
    dtype = np.dtype(pytest.importorskip("ml_dtypes").float8_e8m0fnu)
    format_ = Log(exponent_bits=8, bias=127, mode=Rounding.HALF_UP)  # ml_dtypes takes ties up
    exponents = np.arange(-120, 120)
    middle = np.concatenate([np.exp2(exponents), 1.5 * np.exp2(exponents)]).astype(np.float32)
    random = np.exp2(np.random.default_rng(seed).uniform(-120, 120, 20_000)).astype(np.float32)
    x = np.concatenate([middle, np.nextafter(middle, np.float32(0)), np.nextafter(middle, np.float32(1e38)), random])
    assert np.array_equal(format_.quantize_real(x.astype(np.float64)), x.astype(dtype).astype(np.float64))


def _small_formats() -> list[Minifloat | Log]:
    """Every kind of element of at most 8 bits."""
    made: list[Minifloat | Log] = []
    for e in range(1, 8):
        for m in range(8 - e):
            base = Minifloat(exponent_bits=e, mantissa_bits=m, bias=None if e < 7 else 60)
            for special in Specials:
                if e == 1 and (special is Specials.IEEE or (special is Specials.FN and m == 0)):
                    continue
                made += [replace(base, specials=special, subnormals=subnormals) for subnormals in (True, False)]
            if m > 1:
                made.append(Minifloat(exponent_bits=e, mantissa_bits=m, hidden=False))
        made += [Log(exponent_bits=e, zero=zero, bias=bias) for zero in (False, True) for bias in (None, 3)]
    return made


def _differences(format_: Minifloat | Log, seed: int) -> list[str]:
    words = _words(format_)
    nearest = Nearest(words, format_.scale[0])
    x = probes([m * format_.scale[0] for m in nearest.magnitudes], seed, 100)
    ours = format_.quantize_real(x)
    pairs = zip(x.tolist(), ours.tolist(), strict=True)
    return [f"{v}: {o}, not {float(nearest(v))}" for v, o in pairs if Fraction(o) != nearest(v)]


SMALL = [f for f in _small_formats() if f.grid.last < 120 and f.grid.unit > -140]


def test_members_are_those_of_the_definition() -> None:
    for format_ in SMALL:
        sizes = set(_words(format_))
        assert sorted({*sizes, *(-s for s in sizes)}) == _reals(format_), format_


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 7, 8])
def test_every_small_format_takes_the_nearest_member(bits: int, random: Random) -> None:
    formats = [f for f in SMALL if f.storage_bits == bits]
    for format_ in random.sample(formats, min(4, len(formats))):
        wrong = _differences(format_, random.getrandbits(32))
        assert not wrong, f"{format_}: {wrong[:4]}"


@pytest.mark.slow
@pytest.mark.parametrize("format_", SMALL, ids=_text)
def test_each_small_format_takes_the_nearest_member(format_: Minifloat | Log) -> None:
    wrong = _differences(format_, 1)
    assert not wrong, wrong[:4]


@pytest.mark.parametrize("format_", [f for f in SMALL if f.bits <= 62], ids=_text)
def test_words_and_codes_are_one_to_one(format_: Minifloat | Log) -> None:
    codes = np.array(format_.members())
    words = format_.encode(codes)
    assert len(set(words.tolist())) == len(codes) and words.max() < 1 << format_.storage_bits
    assert np.array_equal(format_.decode_words(words), codes)
    values = {word: Fraction(value) for value, word in _words(format_).items()}
    half = 1 << (format_.storage_bits - 1)
    assert all(values[w & (half - 1)] == abs(c * format_.scales[0]) for w, c in zip(words.tolist(), codes.tolist(), strict=True))


@pytest.mark.parametrize("mode", list(Rounding))
def test_other_roundings_go_the_way_they_say(mode: Rounding, random: Random) -> None:
    format_ = Minifloat(exponent_bits=3, mantissa_bits=2, mode=mode)
    members = sorted(Fraction(float(c)) * format_.scales[0] for c in format_.members())
    x = np.array([random.uniform(-13, 13) for _ in range(300)] + [float(m) for m in members[1:-1]])
    for value, ours in zip(x.tolist(), format_.quantize_real(x).tolist(), strict=True):
        below = max((m for m in members if m <= abs(Fraction(value))), default=Fraction(0))
        above = min(m for m in members if m > below)
        share = (abs(Fraction(value)) - below) / (above - below)
        even = round(below / (above - below)) % 2  # whether the lower one has an odd mantissa
        size = (share + even) * (1 if value >= 0 else -1)
        steps = abs(round_fraction(size, mode)) - even
        assert abs(Fraction(ours)) == (below, above)[steps], f"{value} became {ours} by {mode}"


def test_scale_per_channel_is_taken_along_its_axis() -> None:
    format_ = parse_quantized("minifloat<2,1>[scale=1 1/4,axis=0]")
    x = np.array([[2.4, 0.3], [2.4, 0.3]])
    assert format_.quantize_real(x).tolist() == [[2.0, 0.5], [1.5, 0.25]], "3/2 is the greatest where the scale is 1/4"
    assert format_.decode(format_.quantize(x)).tolist() == [[2.0, 0.5], [1.5, 0.25]]


def test_a_greatest_value_below_that_of_the_words_is_kept() -> None:
    format_ = parse_quantized("minifloat<4,3,max=240>")
    assert format_.quantize_real(np.array([239.0, 250.0, -1e9])).tolist() == [240.0, 240.0, -240.0]
    assert parse("minifloat<4,3,fn,max=448>") == parse("minifloat<4,3,fn>")
    for text in ("minifloat<4,3,max=500>", "minifloat<4,3,max=241>", "minifloat<4,3,max=1/512>"):
        with pytest.raises(HwgenError, match="no normal member"):
            parse(text)


def test_integer_codes_of_what_overflows_are_refused() -> None:
    format_ = parse_quantized("minifloat<4,3,ieee,inf>")
    with pytest.raises(HwgenError, match="overflows to inf"):
        format_.quantize(np.array([1e9]))


def test_codes_too_wide_for_integers_are_refused_and_floats_rounded_all_the_same() -> None:
    format_ = NAMES["bfloat16"]
    with pytest.raises(HwgenError, match="262 bits"):
        format_.quantize(np.array([1.0]))
    assert format_.quantize_real(np.array([1.00390625], dtype=np.float32)).tolist() == [1.0]


def test_members_beyond_the_floats_of_the_data_are_refused() -> None:
    for text in ("minifloat<8,3>", "log<8,bias=200>"):
        with pytest.raises(HwgenError, match="float32 cannot hold"):
            parse_quantized(text).quantize_real(np.ones(1, dtype=np.float32))
        assert parse_quantized(text).quantize_real(np.ones(1)).tolist() == [1.0]


def test_words_that_are_no_number_are_refused() -> None:
    for text, word in (("minifloat<4,3,ieee>", 0x78), ("minifloat<4,3,fn>", 0x7F), ("minifloat<4,3,fnuz>", 0x80), ("log<3>", 16)):
        with pytest.raises(HwgenError):
            parse_quantized(text).decode_words(np.array([word]))  # pyright: ignore[reportAttributeAccessIssue]
