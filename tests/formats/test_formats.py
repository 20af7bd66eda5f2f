"""Number formats: values and codes against qonnx, hand-made tables and a second way to compute; text that reads back."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwgen.errors import HwgenError
from hwgen.formats import EXAMPLES, REAL, Affine, Binary, Fixed, Format, Integer, Ternary, bits_for, parse, parse_quantized
from hwgen.numerics.rounding import Rounding
from hwgen.numerics.surd import Surd

POSITIVE = st.fractions(min_value=Fraction(1, 1 << 40), max_value=1 << 40)
SURDS = st.builds(lambda a, b, r: Surd.of(a) + Surd.of(b) * Surd.sqrt(r), st.fractions(), st.fractions(), POSITIVE)


@st.composite
def affine_formats(draw: st.DrawFn) -> Affine:
    count = draw(st.integers(1, 4))
    scales = tuple(draw(st.lists(POSITIVE, min_size=count, max_size=count)))
    zeros = tuple(draw(st.lists(st.integers(-300, 300), min_size=1, max_size=1) | st.just([0] * count)))
    along = draw(st.integers(-2, 3)) if count > 1 or draw(st.booleans()) else None
    return Affine(
        draw(st.integers(1, 62)), draw(st.booleans()), draw(st.booleans()), scales, zeros, along, draw(st.sampled_from(Rounding))
    )


FORMATS = st.one_of(
    st.just(REAL),
    st.builds(Fixed, st.integers(1, 62), st.integers(-900, 900), st.booleans(), st.sampled_from(Rounding), st.booleans()),
    affine_formats(),
    st.builds(lambda s: Binary((s,)), POSITIVE),
    st.builds(lambda s: Binary((s, s), 1), POSITIVE),
    st.builds(lambda s: Ternary((s,)), POSITIVE),
    st.builds(
        lambda a, b, s, o: Integer(min(a, b), max(a, b), tuple(s), tuple(o)),
        st.integers(-(1 << 80), 1 << 80), st.integers(-(1 << 80), 1 << 80),
        st.lists(SURDS, min_size=1, max_size=1) | st.lists(SURDS, min_size=3, max_size=3),
        st.lists(SURDS, min_size=1, max_size=1) | st.lists(SURDS, min_size=3, max_size=3),
    ),
    st.builds(lambda s: Integer(-1, 1, (s,), bipolar=True), SURDS),
)


@given(FORMATS)
def test_text_reads_back_to_the_same_format(format_: Format) -> None:
    assert parse(str(format_)) == format_


@given(FORMATS, st.data())
def test_damaged_text_gives_a_format_or_an_error_that_says_why(format_: Format, data: st.DataObject) -> None:
    text = str(format_)
    at = data.draw(st.integers(0, len(text)))
    until = data.draw(st.integers(at, min(len(text), at + 4)))
    damaged = text[:at] + data.draw(st.text(alphabet="0123456789-+/*.,<>[]= enxsqrt()٣\0", max_size=3)) + text[until:]
    try:
        again = parse(damaged)
    except HwgenError as error:
        assert error.what and error.fix, "the error says what and what to do"
    else:
        assert parse(str(again)) == again


BAD = [
    "", "int", "int0", "int63", "int1000", "int99999999999999999999", "uint-3", "fixed<8>", "fixed<8,4", "fixed<0,0>",
    "fixed<8,4,foo>", "fixed<8,99999>", "fixed<8,1000>", "int8[scale=0]", "int8[scale=-1]", "int8[scale=1/0]", "int8[scale=nan]",
    "int8[scale=inf]", "int8[scale=1e99999999]", "int8[scale=1e999]", "int8[scale=1e-999]", "int8[scale=]", "int8[scale]",
    "int8[zero=0.5]", "int8[foo=1]", "int8[narrow=2]", "int8[rounding=up_up]", "int8[axis=x]", "int8[axis=1000]",
    "int8[scale=1 2]", "int8[scale=1 2 3,zero=1 2,axis=1]", "binary[scale=0]", "binary[zero=1]", "ternary[scale=1 2]", "float",
    "INT8",
    "int<3,2>[scale=1,offset=0]", "int<0,1>[scale=,offset=0]", "int<0,1>[scale=1,offset=]", "int<0,1,bipolar>[scale=1,offset=0]",
    "int<0,1>[scale=1/0,offset=0]", "int<0,1>[scale=1 2,offset=1 2 3]", "int<0," + "9" * 5000 + ">[scale=1,offset=0]",
    "int<0,1>[scale=" + "9" * 5000 + ",offset=0]", "int8[scale=" + "9" * 5000 + "]", "int٨", "real real", "int8[scale=1_0]",
]


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:30] or "empty")
def test_text_that_is_no_format_is_refused(text: str) -> None:
    with pytest.raises(HwgenError):
        parse(text)


def test_only_a_quantized_format_is_taken_where_one_is_needed() -> None:
    assert parse_quantized("ternary[scale=1/2]") == Ternary((Fraction(1, 2),))
    for text in ("real", "int<0,3>[scale=1,offset=0]"):
        with pytest.raises(HwgenError, match="not a quantized format"):
            parse_quantized(text)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.text)
def test_examples_of_the_documentation_are_read(example: object) -> None:
    text: str = example.text  # pyright: ignore[reportAttributeAccessIssue]
    assert parse(str(parse(text))) == parse(text)


def test_what_hls4ml_writes_means_what_its_manual_says() -> None:
    assert parse("ap_fixed<16,6>") == Fixed(16, 6, True, Rounding.FLOOR, True), "AP_TRN and AP_WRAP are the defaults"
    assert parse("ap_ufixed<8,0,AP_RND,AP_SAT>") == Fixed(8, 0, False, Rounding.HALF_CEIL, False)
    assert parse("ap_fixed<18,10,AP_RND_CONV,AP_SAT>") == Fixed(18, 10, True, Rounding.HALF_EVEN, False)


@pytest.mark.parametrize(
    ("text", "low", "high", "bits", "step"),
    [
        ("fixed<8,4>", -128, 127, 8, Fraction(1, 16)), ("ufixed<8,4>", 0, 255, 8, Fraction(1, 16)),
        ("fixed<4,6>", -8, 7, 4, Fraction(4)), ("fixed<1,1>", -1, 0, 1, Fraction(1)),
        ("int4", -8, 7, 4, Fraction(1)), ("int4[narrow=1]", -7, 7, 4, Fraction(1)),
        ("uint4[narrow=1,scale=0.1]", 0, 14, 4, Fraction(1, 10)), ("uint1", 0, 1, 1, Fraction(1)),
        ("binary[scale=3]", -1, 1, 1, Fraction(3)), ("ternary", -1, 1, 2, Fraction(1)),
    ],
)
def test_range_width_and_step_are_those_written_by_hand(text: str, low: int, high: int, bits: int, step: Fraction) -> None:
    format_ = parse_quantized(text)
    assert (format_.low, format_.high, format_.bits, format_.scales) == (low, high, bits, (step,))
    assert format_.integer().bits == bits


def test_bits_are_the_fewest_that_hold_both_ends() -> None:
    for low in range(-40, 41):
        for high in range(low, 41):
            bits = 1
            while not ((-(1 << (bits - 1)) <= low and high < 1 << (bits - 1)) if low < 0 else high < 1 << bits):
                bits += 1
            assert bits_for(low, high) == bits, f"{low}..{high}"


@pytest.mark.parametrize("bits", [2, 3, 4, 8, 16])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("narrow", [False, True])
def test_affine_codes_equal_qonnx(bits: int, signed: bool, narrow: bool, random: Random) -> None:
    intquant = pytest.importorskip("qonnx.custom_op.general.intquant", reason="qonnx is not installed")
    names = {"ROUND": Rounding.HALF_EVEN, "FLOOR": Rounding.FLOOR, "CEIL": Rounding.CEIL, "HALF_UP": Rounding.HALF_UP}
    for name, rounding in names.items():
        scale, zero = np.float32(random.choice((0.25, 0.1, 1 / 3))), random.choice((0, 3)) if not signed else 0
        values = np.concatenate([
            np.array([random.uniform(-1.2, 1.2) * float(scale) * (1 << bits) for _ in range(400)], dtype=np.float32),
            (np.arange(-40, 41) * (scale / np.float32(2))).astype(np.float32),  # ties
        ])
        theirs = intquant.int_quant(values, scale, np.float32(zero), np.float32(bits), signed, narrow, name)
        wanted = np.rint(theirs.astype(np.float64) / float(scale) + zero).astype(int)
        format_ = Affine(bits, signed, narrow, (Fraction(float(scale)),), (zero,), None, rounding)
        assert np.array_equal(format_.quantize(values), wanted)
        assert np.allclose(format_.decode(wanted), theirs, rtol=1e-6, atol=0), "the same values up to float32"


def test_scale_per_channel_is_taken_along_its_axis() -> None:
    format_ = Affine(8, True, False, (Fraction(1), Fraction(1, 2), Fraction(1, 4)), (0,), 1)
    ones = np.ones((2, 3, 2))
    assert format_.quantize(ones)[1, :, 1].tolist() == [1, 2, 4]
    assert np.array_equal(format_.decode(format_.quantize(ones)), ones)


@pytest.mark.parametrize(("value", "code"), [(0.0, 1), (-0.0, 1), (-1e-9, -1), (2.0, 1), (-9.0, -1)])
def test_binary_takes_zero_as_positive(value: float, code: int) -> None:
    assert Binary().quantize(np.array([value])).tolist() == [code]


def test_ternary_ties_go_to_even() -> None:
    values = np.array([-9, -1.5, -0.5, -0.4, 0.5, 0.75, 1.5])
    assert Ternary().quantize(values).tolist() == [-1, -1, 0, 0, 0, 1, 1]


def test_fixed_point_wraps_like_two_s_complement() -> None:
    format_ = Fixed(4, 4, True, Rounding.FLOOR, wrap=True)
    values = np.arange(-40, 41) + 0.5
    wanted = [((v + 8) & 15) - 8 for v in range(-40, 41)]
    assert format_.quantize(values).tolist() == wanted


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("bits", [8, 25, 31, 32, 53, 54, 62])
def test_no_code_leaves_its_range_even_where_floats_are_too_coarse(bits: int, kind: type[np.floating]) -> None:
    for format_ in (Affine(bits, True), Affine(bits, False), Fixed(bits, bits, True)):
        codes = format_.quantize(np.array([1e30, -1e30, 2.0**bits, 2.0 ** (bits - 1)], dtype=kind))
        assert codes.min() >= format_.low and codes.max() <= format_.high, f"{format_}: {codes}"


def test_words_of_hardware_and_codes_are_one_to_one() -> None:
    for format_ in (Integer(-8, 7), Integer(0, 7), Integer(-1, 1, bipolar=True), Integer(-3, 0), Integer(0, 0), Integer(3, 9)):
        codes = np.arange(format_.low, format_.high + 1, 2 if format_.bipolar else 1)
        words = np.asarray(format_.to_bits(codes), dtype=np.int64)
        assert (words >= 0).all() and (words < 1 << format_.bits).all() and len(set(words.tolist())) == len(codes)
        assert np.array_equal(format_.from_bits(words), codes)


def test_integer_format_of_a_quantizer_stands_for_the_same_reals(random: Random) -> None:
    for text in ("uint4[scale=0.1,zero=3]", "int8[scale=1/64]", "binary[scale=1/2]", "int4[scale=1 1/2 1/4,zero=1 2 3,axis=1]",
                 "int4[scale=1/4,zero=0 0 2,axis=1]"):
        format_ = parse_quantized(text)
        codes = np.array([[random.randint(format_.low, format_.high) for _ in range(3)] for _ in range(5)])
        assert np.allclose(format_.integer().decode(codes), format_.decode(codes), rtol=1e-15, atol=1e-15)
