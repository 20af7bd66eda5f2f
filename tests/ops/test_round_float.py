"""round_float against the formats themselves: every code of 16 bits, on grids that are finer and coarser than the format's."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from hwgen.dataflow.unit import Parallelism
from hwgen.errors import HwgenError
from hwgen.formats import Block, FloatFormat, Integer, parse_quantizer
from hwgen.ops.float_lowering import rule_of
from hwgen.ops.record import make
from hwgen.ops.round_float import ROUND_FLOAT, RoundFloatAttrs, problem, rounded
from hwgen.ops.source import INPUT, InputAttrs

FORMATS = (
    "minifloat<3,2>", "minifloat<4,3>", "minifloat<2,1,nosub>", "minifloat<3,2,nosub>", "minifloat<4,2,denormed>", "minifloat<3,0>",
    "log<3>", "log<4,zero>", "log<3,bias=7>", "log<3,bias=6,zero>", "float8_e4m3fn", "float8_e5m2", "minifloat<3,2,max=7>",
    "float6_e2m3fn", "mxint<4,4,8>", "mxint8", "mxint<5,2,4>", "mxfp4<e2m1,16>", "mxfp8<e4m3>", "mxfp6<e3m2,4>",
    "bminifloat<2,1,4,16>", "bminifloat<3,2,3,4>", "blog<3,6,16,zero>", "blog<3,2,4,zero>", "blog<3,3,8>",
)
CODES = 16


def format_of(text: str) -> FloatFormat | Block:
    format_ = parse_quantizer(text)
    assert isinstance(format_, FloatFormat | Block)
    return format_


def every_code(format_: FloatFormat | Block, seed: int) -> np.ndarray:
    """All of them, in rows of 32 that blocks lie in; for blocks in random order, with rows of all sizes."""
    codes = np.arange(-(1 << CODES - 1), 1 << CODES - 1)
    if isinstance(format_, FloatFormat):
        return codes.reshape(-1, 32)
    random = np.random.default_rng(seed)
    rows = random.permutation(codes).reshape(-1, 32)
    return np.concatenate([rows, rows >> random.integers(0, CODES, (len(rows), 1))])


@pytest.mark.parametrize("text", FORMATS)
def test_every_code_goes_to_the_member_that_the_format_takes(text: str, seed: int, random: Random) -> None:
    format_ = format_of(text)
    rule, codes, tried = rule_of(format_, "here"), every_code(format_, seed), 0
    for grid in random.sample(range(-14, 6), 20):
        placed = replace(rule, least=rule.least - grid, most=rule.most - grid)
        if problem(placed, 1 << CODES - 1) is not None:
            continue
        ours = np.ldexp(rounded(placed, codes).astype(np.float64), grid + placed.drop)
        assert np.array_equal(ours, format_.quantize_real(np.ldexp(codes.astype(np.float64), grid))), f"codes of 2**{grid}"
        tried += 1
        if tried == 4:
            return
    raise AssertionError("a rule is for most grids")


@pytest.mark.parametrize("text", FORMATS)
def test_bounds_are_reached_and_never_passed(text: str, seed: int) -> None:
    format_ = format_of(text)
    rule, codes = rule_of(format_, "here"), every_code(format_, seed)
    codes = np.concatenate([codes, [[codes.min(), codes.max()] * 16]])  # the ends in one block
    placed = replace(rule, least=0, most=rule.most - rule.least)
    x = make(INPUT, InputAttrs((1, 32), Integer(int(codes.min()), int(codes.max()))), [], "x", "x").output
    made = make(ROUND_FLOAT, placed, [x], "y", "y").output.type.format
    found = rounded(placed, codes)
    assert isinstance(made, Integer)
    assert (found.min(), found.max()) == (made.low, made.high)


def test_lanes_hold_whole_blocks() -> None:
    x = make(INPUT, InputAttrs((1, 24), Integer(-100, 100)), [], "x", "x").output
    for block, wanted, lanes in ((4, 1, 4), (4, 5, 8), (4, 13, 24), (5, 1, 24), (32, 2, 24), (1, 3, 3)):
        node = make(ROUND_FLOAT, RoundFloatAttrs(-3, 4, 7, block=block), [x], "y", "y")
        assert ROUND_FLOAT.fit(node, Parallelism(wanted, 1)).inputs == lanes, f"blocks of {block}, {wanted} wanted"


@pytest.mark.parametrize(
    ("attrs", "why"),
    [
        (RoundFloatAttrs(-1, -1, 5, 3), "greatest member of the step"), (RoundFloatAttrs(-1, -1, 4, 1, has_zero=False), "no code"),
        (RoundFloatAttrs(0, -1, 4), "steps from"), (RoundFloatAttrs(0, 0, 4, subnormals=False), "precision"),
    ],
)
def test_what_has_no_codes_is_refused(attrs: RoundFloatAttrs, why: str) -> None:
    x = make(INPUT, InputAttrs((1, 8), Integer(-100, 100)), [], "x", "x").output
    with pytest.raises(HwgenError, match=why):
        make(ROUND_FLOAT, attrs, [x], "y", "y")
