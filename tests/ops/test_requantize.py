"""Requantizers: sizes, what is refused, and the plainer and other uses that random samples are cut to."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hwgen.errors import HwgenError
from hwgen.formats import Integer
from hwgen.ir.graph import Value
from hwgen.numerics.interval import Interval
from hwgen.numerics.pieces import Pieces
from hwgen.numerics.requantize import TableMap
from hwgen.numerics.scale_shift import ScaleShift
from hwgen.numerics.thresholds import Thresholds
from hwgen.ops.lookup import TableAttrs
from hwgen.ops.record import make
from hwgen.ops.requant_pieces import REQUANT_PIECES, PiecesAttrs
from hwgen.ops.requantize import REQUANT_SCALE, REQUANT_THRESHOLD, ScaleAttrs, ThresholdAttrs, requantizer_node
from hwgen.ops.source import INPUT, InputAttrs

BYTE = Integer(-128, 127)


def codes(*shape: int, format_: Integer = BYTE) -> Value:
    return make(INPUT, InputAttrs((1, *shape), format_), [], "x", "x").output


def scale(*multipliers: int, offsets: tuple[tuple[int, ...], ...], shift: int = 4, wrap: bool = False) -> ScaleAttrs:
    return ScaleAttrs(multipliers, offsets, shift, -8, 7, wrap, Integer(-8, 7))


def thresholds(rows: list[list[int]], *invert: bool, offset: int = -2) -> ThresholdAttrs:
    return ThresholdAttrs(np.array(rows), invert, offset, Integer(offset, offset + len(rows[0])))


def shown(attrs: object) -> object:
    if isinstance(attrs, ThresholdAttrs):
        return attrs.thresholds.tolist(), attrs.invert, attrs.offset, (attrs.format.low, attrs.format.high)
    assert isinstance(attrs, ScaleAttrs), "of a requantizer"
    ends = (attrs.low, attrs.high, attrs.format.low, attrs.format.high)
    return attrs.multipliers, attrs.offsets, attrs.shift, attrs.wrap, ends


def test_one_function_for_all_channels_is_kept_once() -> None:
    op, attrs = requantizer_node(ScaleShift((3, 3), ((1, 2), (1, 2)), 4, -8, 7), Integer(-8, 7))
    assert op == "requant_scale" and shown(attrs) == ((3,), ((1, 2),), 4, False, (-8, 7, -8, 7))
    for m, b in (((3, 4), ((1,), (1,))), ((3, 3), ((1,), (2,)))):
        _, attrs = requantizer_node(ScaleShift(m, b, 4, -8, 7, True), Integer(-8, 7))
        assert shown(attrs) == (m, b, 4, True, (-8, 7, -8, 7))
    op, attrs = requantizer_node(Thresholds(((1, 2), (1, 2)), (True, True), -2), Integer(-2, 0))
    assert op == "requant_threshold" and shown(attrs) == ([[1, 2]], (True,), -2, (-2, 0))
    for rows, invert in ((((1, 2), (1, 3)), (True, True)), (((1, 2), (1, 2)), (True, False))):
        _, attrs = requantizer_node(Thresholds(rows, invert, -2), Integer(-2, 0))
        assert shown(attrs) == ([list(row) for row in rows], invert, -2, (-2, 0))
    lines = ((3, (1, 2)), (4, (5, 6)))
    op, attrs = requantizer_node(Pieces(((7,), (7,)), (lines, lines), 4, -8, 7), Integer(-8, 7))
    assert op == "requant_pieces" and isinstance(attrs, PiecesAttrs)
    assert attrs == PiecesAttrs(((7,),), ((3, 4),), (((1, 2), (5, 6)),), 4, -8, 7, False, Integer(-8, 7))
    for bounds, other in ((((7,), (8,)), lines), (((7,), (7,)), lines[::-1])):
        _, attrs = requantizer_node(Pieces(bounds, (lines, other), 4, -8, 7, True), Integer(-8, 7))
        assert isinstance(attrs, PiecesAttrs) and attrs.channels == 2 and attrs.wrap
        assert attrs.channel(1) == (bounds[1], tuple(m for m, _ in other), tuple(b for _, b in other))
    op, attrs = requantizer_node(TableMap(-1, (5, 6)), Integer(0, 7))
    assert op == "table" and isinstance(attrs, TableAttrs) and (attrs.low, attrs.values.tolist()) == (-1, [5, 6])


@pytest.mark.parametrize("shape", [(3,), (2, 3)])
def test_parameters_are_one_or_one_a_channel_of_the_last_axis(shape: tuple[int, ...]) -> None:
    for count in (1, 3):
        node = make(REQUANT_SCALE, scale(*[3] * count, offsets=((1,),) * count), [codes(*shape)], "y", "y")
        assert node.output.type.shape == (1, *shape) and REQUANT_SCALE.bounds(node) == (Interval(-8, 7),)
        make(REQUANT_THRESHOLD, thresholds([[1, 2]] * count, *[False] * count), [codes(*shape)], "y", "y")
    with pytest.raises(HwgenError, match="2 channels for 3"):
        make(REQUANT_SCALE, scale(3, 3, offsets=((1,), (1,))), [codes(*shape)], "y", "y")
    with pytest.raises(HwgenError, match="4 channels for 3"):
        make(REQUANT_THRESHOLD, thresholds([[1, 2]] * 4, *[False] * 4), [codes(*shape)], "y", "y")


def test_codes_of_62_bits_are_taken_and_wider_ones_refused() -> None:
    make(REQUANT_SCALE, scale(1, offsets=((0,),)), [codes(1, format_=Integer(-(1 << 61), (1 << 61) - 1))], "y", "y")
    with pytest.raises(HwgenError, match="lower the graph first"):
        make(REQUANT_SCALE, scale(1, offsets=((0,),)), [codes(1, format_=Integer(0, (1 << 62)))], "y", "y")


def test_a_product_beyond_64_bits_is_exact() -> None:
    top = (1 << 61) - 1
    attrs = ScaleAttrs((5,), ((7,),), 60, -100, 100, False, Integer(-100, 100))
    node = make(REQUANT_SCALE, attrs, [codes(1, format_=Integer(-top - 1, top))], "y", "y")
    result = REQUANT_SCALE.reference(node, [np.array([[top], [-top - 1], [3]])])
    assert result.ravel().tolist() == [(5 * top + 7) >> 60, (-5 * (top + 1) + 7) >> 60, 0]


def test_an_offset_beyond_64_bits_in_one_channel_is_exact() -> None:
    far = 1 << 66
    attrs = ScaleAttrs((3, 5), ((far + 9,), (9,)), 66, -100, 100, False, Integer(-100, 100))
    node = make(REQUANT_SCALE, attrs, [codes(2)], "y", "y")
    assert REQUANT_SCALE.reference(node, [np.array([[-4, -2], [-3, -1]])]).ravel().tolist() == [0, -1, 1, 0]
    bends = PiecesAttrs(((0,), (0,)), ((3, 3), (5, 5)), (((9,), (far,)), ((9,), (9,))), 66, -100, 100, False, Integer(-100, 100))
    node = make(REQUANT_PIECES, bends, [codes(2)], "y", "y")
    assert REQUANT_PIECES.reference(node, [np.array([[-4, -2], [-3, 1]])]).ravel().tolist() == [-1, -1, 0, 0]
    assert REQUANT_PIECES.reference(node, [np.array([[0, 0]])]).ravel().tolist() == [1, 0]


def test_plainer_scales_take_one_thing_away_each() -> None:
    whole = scale(3, 5, offsets=((1, 2), (3, 4)))
    node = make(REQUANT_SCALE, whole, [codes(2)], "y", "y")
    ends = (-8, 7, -8, 7)
    found = [shown(attrs) for attrs in REQUANT_SCALE.plainer(node)]
    expected = [
        ((3,), ((1, 2),), 4, False, ends), ((5,), ((3, 4),), 4, False, ends),
        ((3, 5), ((1,), (3,)), 4, False, ends), ((3, 5), ((2,), (4,)), 4, False, ends),
        ((1, 1), ((1, 2), (3, 4)), 4, False, ends), ((3, 5), ((0, 0), (0, 0)), 4, False, ends),
        ((3, 5), ((1, 2), (3, 4)), 0, False, ends), ((3, 5), ((1, 2), (3, 4)), 2, False, ends),
    ]
    assert all(e in found for e in expected), found
    (narrower,) = (f for f in found if f not in expected)
    assert isinstance(narrower, tuple) and narrower[:4] == ((3, 5), ((1, 2), (3, 4)), 4, False)
    assert narrower[4][:2] == narrower[4][2:] and narrower[4] != ends, "fewer codes, and the clip with them"


def test_the_plainest_scale_has_nothing_to_take_away_but_codes() -> None:
    node = make(REQUANT_SCALE, scale(1, offsets=((0,),), shift=0), [codes(2)], "y", "y")
    assert len(list(REQUANT_SCALE.plainer(node))) == 1
    node = make(REQUANT_SCALE, scale(1, offsets=((0,),), shift=0, wrap=True), [codes(2)], "y", "y")
    assert [shown(attrs) for attrs in REQUANT_SCALE.plainer(node)] == [((1,), ((0,),), 0, False, (-8, 7, -8, 7))]


def test_plainer_thresholds_take_one_thing_away_each() -> None:
    node = make(REQUANT_THRESHOLD, thresholds([[1, 2, 3], [4, 5, 6]], True, False), [codes(2)], "y", "y")
    assert [shown(attrs) for attrs in REQUANT_THRESHOLD.plainer(node)] == [
        ([[1, 2, 3]], (True,), -2, (-2, 1)), ([[4, 5, 6]], (False,), -2, (-2, 1)),
        ([[1, 2, 3], [4, 5, 6]], (False, False), -2, (-2, 1)),
        ([[1], [4]], (True, False), -2, (-2, -1)), ([[2, 3], [5, 6]], (True, False), -2, (-2, 0)),
    ]
    node = make(REQUANT_THRESHOLD, thresholds([[1]], False), [codes(2)], "y", "y")
    assert not list(REQUANT_THRESHOLD.plainer(node))


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_parameters_are_spread_over_other_channels(channels: int) -> None:
    value = codes(channels)
    node = make(REQUANT_SCALE, scale(3, 5, offsets=((1,), (2,))), [codes(2)], "y", "y")
    attrs = REQUANT_SCALE.refit(node, value)
    again = make(REQUANT_SCALE, attrs, [value], "y", "y")
    assert isinstance(attrs, ScaleAttrs) and set(zip(attrs.multipliers, attrs.offsets, strict=True)) <= {(3, (1,)), (5, (2,))}
    assert again.output.type.shape == (1, channels)
    node = make(REQUANT_THRESHOLD, thresholds([[1, 2], [4, 5]], True, False), [codes(2)], "y", "y")
    attrs = REQUANT_THRESHOLD.refit(node, value)
    make(REQUANT_THRESHOLD, attrs, [value], "y", "y")
    assert isinstance(attrs, ThresholdAttrs) and attrs.thresholds.shape[1] == 2 and len(attrs.invert) == len(attrs.thresholds)
    pairs = {(tuple(row), one) for row, one in zip(attrs.thresholds.tolist(), attrs.invert, strict=True)}
    assert pairs <= {((1, 2), True), ((4, 5), False)}


def pieces(**changed: object) -> PiecesAttrs:
    offsets = (((1, 2), (3, 4), (5, 6)), ((7, 8), (9, 1), (2, 3)))
    whole = PiecesAttrs(((1, 4), (2, 3)), ((3, 4, 5), (6, 7, 8)), offsets, 4, -8, 7, False, Integer(-8, 7))
    return dataclasses.replace(whole, **changed)


def test_pieces_that_are_not_whole_are_refused() -> None:
    whole = pieces()
    make(REQUANT_PIECES, whole, [codes(2)], "y", "y")
    with pytest.raises(HwgenError, match="2 channels for 3"):
        make(REQUANT_PIECES, whole, [codes(3)], "y", "y")
    for broken in (
        {"bounds": ((4, 1), (2, 3))}, {"bounds": ((1,), (2,))}, {"bounds": ()}, {"multipliers": ((3, 4), (6, 7))}, {"shift": -1},
        {"offsets": (((1,), (3, 4), (5, 6)), ((7, 8), (9, 1), (2, 3)))}, {"offsets": (((), (), ()), ((), (), ()))},
        {"bounds": ((), ()), "multipliers": ((3,), (6,)), "offsets": (((1, 2),), ((7, 8),))}, {"multipliers": ((3, 4, 5),)},
    ):
        with pytest.raises(HwgenError, match="not whole"):
            make(REQUANT_PIECES, pieces(**broken), [codes(2)], "y", "y")


def test_plainer_pieces_take_one_thing_away_each() -> None:
    a = pieces()
    found = list(REQUANT_PIECES.plainer(make(REQUANT_PIECES, a, [codes(2)], "y", "y")))
    assert found[:2] == [a.of_channels([0]), a.of_channels([1])]
    assert [p.pieces for p in found[2:4] if isinstance(p, PiecesAttrs)] == [2, 2]
    assert found[2] == pieces(bounds=((1,), (2,)), multipliers=((3, 4), (6, 7)), offsets=(((1, 2), (3, 4)), ((7, 8), (9, 1))))
    assert found[3] == pieces(bounds=((4,), (3,)), multipliers=((4, 5), (7, 8)), offsets=(((3, 4), (5, 6)), ((9, 1), (2, 3))))
    assert found[4] == pieces(offsets=(((1,), (3,), (5,)), ((7,), (9,), (2,))))
    assert pieces(shift=0) in found and pieces(shift=2) in found
    again = REQUANT_PIECES.refit(make(REQUANT_PIECES, a, [codes(2)], "y", "y"), codes(5))
    assert isinstance(again, PiecesAttrs) and again.channels == 5
