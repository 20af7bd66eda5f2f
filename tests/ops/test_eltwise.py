"""Bounds of two streams that are one."""

from __future__ import annotations

import numpy as np
import pytest

from hwgen.formats import Integer
from hwgen.ops.eltwise import ELTWISE, EltwiseAttrs
from hwgen.ops.record import make
from hwgen.ops.sampling import codes_format
from hwgen.ops.source import INPUT, InputAttrs


@pytest.mark.parametrize(
    ("attrs", "low", "high"),
    [(EltwiseAttrs("mul"), 0, 9), (EltwiseAttrs("mul", b_mul=-1), -9, 9), (EltwiseAttrs("mul", 2, 1, 2, 1), 0, 49)],
)
def test_a_square_is_not_negative_and_a_product_with_the_own_negative_is(attrs: EltwiseAttrs, low: int, high: int) -> None:
    x = make(INPUT, InputAttrs((1, 7), Integer(-3, 3)), [], "x", "x").output
    node = make(ELTWISE, attrs, [x, x], "y", "y")
    result = ELTWISE.reference(node, [np.arange(-3, 4)[None]] * 2)
    (bounds,) = ELTWISE.bounds(node)
    assert (bounds.low, bounds.high) == (low, high)
    assert codes_format(node.output).low <= result.min() and result.max() <= codes_format(node.output).high
