"""What only moves elements, as data: the beats that a template's parameters let through are those of the reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, product
from math import gcd
from random import Random

import numpy as np
import numpy.typing as npt
import pytest

from hwgen.dataflow.unit import ConcatTiming, Parallelism, ReorderTiming, Role, SelectTiming, WindowTiming
from hwgen.formats import Integer
from hwgen.ir.graph import Node, Value
from hwgen.ops.concat import JOIN, AxisAttrs
from hwgen.ops.permute import PERMUTE, PermuteAttrs
from hwgen.ops.rearrange import REARRANGE
from hwgen.ops.record import IntegerOp, attrs_as, make
from hwgen.ops.sampling import codes_format
from hwgen.ops.slicing import SELECT, SelectAttrs
from hwgen.ops.source import INPUT, InputAttrs

IntArray = npt.NDArray[np.int64]
Beats = list[tuple[int | None, ...]]
SAMPLES = 60
OPS = (JOIN, SELECT, PERMUTE, REARRANGE)


def as_beats(tensor: IntArray, lanes: int) -> Beats:
    """Of a tensor (positions…, channels); None in the places that nothing fills."""
    result: Beats = []
    for position in tensor.reshape(-1, tensor.shape[-1]).tolist():
        filled = position + [None] * (-len(position) % lanes)
        result += [tuple(filled[k : k + lanes]) for k in range(0, len(filled), lanes)]
    return result


def entry(table: int, k: int, bits: int = 32) -> int:
    return table >> bits * k & (1 << bits) - 1


def code(raw: int, format_: Integer) -> int:
    """The code that bits stand for."""
    if format_.bipolar:
        return 2 * raw - 1
    return raw - (1 << format_.bits) if format_.signed and raw >> format_.bits - 1 else raw


def concatenated(p: dict[str, int], streams: Sequence[Beats], format_: Integer) -> Beats:
    result: Beats = []
    ends = [0] * p["Inputs"]
    while ends[0] < len(streams[0]):
        for k, stream in enumerate(streams):
            result += stream[ends[k] : ends[k] + entry(p["Beats"], k)]
            ends[k] += entry(p["Beats"], k)
    assert ends == [len(stream) for stream in streams], "all inputs end together"
    return result


def selected(p: dict[str, int], streams: Sequence[Beats], format_: Integer) -> Beats:
    places = product(range(p["Rows"]), range(p["Cols"]), range(p["Blocks"]))
    box = [(p[f"{name}First"], p[f"{name}Last"]) for name in ("Row", "Col", "Block")]
    chosen = [all(first <= n <= last for n, (first, last) in zip(place, box, strict=True)) for place in places]
    return [beat for beat, passes in zip(streams[0], chosen, strict=True) if passes]


def reordered(p: dict[str, int], streams: Sequence[Beats], format_: Integer) -> Beats:
    counts, strides = ([entry(p[name], k) for k in range(p["Loops"])] for name in ("Counts", "Strides"))
    order = [sum(i * s for i, s in zip(at, strides, strict=True)) for at in product(*map(range, counts))]
    assert sorted(order) == list(range(p["Words"])), "a permutation of a block"
    blocks = range(0, len(streams[0]), p["Words"])
    return [streams[0][block + n] for block in blocks for n in order]


def windowed(p: dict[str, int], streams: Sequence[Beats], format_: Integer) -> Beats:
    assert (p["KernelRows"], p["KernelCols"], p["Groups"]) == (1, 1, 1)

    def places(name: str) -> list[int]:
        count, width = p[f"Out{name}s"] - 1, p.get("StepWidth", 0)
        steps = [entry(p[f"{name}Steps"], k, width) if width else p[f"{name}Step"] for k in range(count)]
        return list(accumulate(steps, initial=p[f"{name}Start"]))

    result: Beats = []
    padding = (code(p["PadValue"], format_),) * p["Lanes"]
    for y, x, block in product(places("Row"), places("Col"), range(p["Blocks"])):
        inside = 0 <= y < p["Rows"] and 0 <= x < p["Cols"]
        result.append(streams[0][(y * p["Cols"] + x) * p["Blocks"] + block] if inside else padding)
    return result


TEMPLATES: dict[str, Callable[[dict[str, int], Sequence[Beats], Integer], Beats]] = {
    "hg_concat": concatenated, "hg_select": selected, "hg_reorder": reordered, "hg_window": windowed,
}


def codes_for(node: Node, random: Random) -> list[IntArray]:
    dice = np.random.default_rng(random.getrandbits(32))

    def drawn(value: Value) -> IntArray:
        format_, shape = codes_format(value), value.type.shape
        return dice.choice([-1, 1], shape) if format_.bipolar else dice.integers(format_.low, format_.high, shape, endpoint=True)

    codes = {value: drawn(value) for value in dict.fromkeys(node.inputs)}
    return [codes[value] for value in node.inputs]


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_the_beats_of_a_unit_are_those_of_the_result_with_any_lanes(op: IntegerOp, random: Random) -> None:
    for _ in range(SAMPLES):
        node = op.sample(random).node
        codes, format_ = codes_for(node, random), codes_format(node.inputs[0])
        result = op.reference(node, codes)
        for wanted in range(1, node.inputs[0].type.shape[-1] + 2):
            lanes = op.fit(node, Parallelism(wanted, wanted)).inputs
            assert 1 <= lanes <= wanted
            units = op.units(node, Parallelism(lanes, lanes))
            if not units:
                assert result.tolist() == codes[0].reshape(result.shape).tolist(), "wires"
                continue
            (unit,) = units
            p, streams = dict(unit.parameters), [as_beats(c, lanes) for c in codes]
            assert (unit.role, unit.in_lanes, unit.out_lanes, unit.in_beats) == (Role.STREAM, lanes, lanes, len(streams[0]))
            assert p["Width"] * p.get("Lanes", 1) == format_.bits * lanes
            got, expected = TEMPLATES[unit.module](p, streams, format_), as_beats(result, lanes)
            assert len(got) == len(expected) == unit.out_beats
            for beat, right in zip(got, expected, strict=True):
                assert all(r is None or g == r for g, r in zip(beat, right, strict=True)), f"{node.attrs}, {lanes} lanes: {p}"
            match unit.timing:
                case ConcatTiming(beats=turns):
                    assert turns == tuple(entry(p["Beats"], k) for k in range(p["Inputs"]))
                case SelectTiming() as t:
                    names = ("Row", "Col", "Block")
                    said = (tuple(p[f"{name}{what}"] for name in names) for what in ("s", "First", "Last"))
                    assert (t.size, t.first, t.last) == tuple(said)
                case ReorderTiming() as t:
                    assert (t.words, t.banks, t.read_cycles) == (p["Words"], p["Banks"], 2 if p["RamStyle"] == 2 else 1)
                    assert unit.buffer_words == p["Words"] * p["Banks"]
                case WindowTiming() as t:
                    assert (t.rows, t.cols, t.blocks, t.slots) == (p["Rows"], p["Cols"], p["Blocks"], p["Slots"])
                    assert (t.row_start, t.col_start) == (p["RowStart"], p["ColStart"])
                case None:
                    raise AssertionError("streams without a timing")


@pytest.mark.parametrize("op", [JOIN, SELECT, PERMUTE], ids=lambda op: op.name)
def test_bounds_of_every_channel_are_reached(op: IntegerOp, random: Random) -> None:
    for _ in range(SAMPLES):
        node = op.sample(random).node
        least = [np.full(v.type.shape, codes_format(v).low) for v in node.inputs]
        greatest = [np.full(v.type.shape, codes_format(v).high) for v in node.inputs]
        low, high = (op.reference(node, codes).reshape(-1, node.output.type.shape[-1]) for codes in (least, greatest))
        bounds = op.bounds(node)
        for channel in range(node.output.type.shape[-1]):
            own = bounds[channel % len(bounds)]
            assert (own.low, own.high) == (low[:, channel].min(), high[:, channel].max()), f"channel {channel} of {node.attrs}"


def test_as_many_lanes_as_stay_together_are_taken(random: Random) -> None:
    for _ in range(SAMPLES):
        node = JOIN.sample(random).node
        channels = [v.type.shape[-1] for v in node.inputs]
        cut = attrs_as(node, AxisAttrs).axis == len(node.output.type.shape) - 1
        assert JOIN.fit(node, Parallelism(9999, 9999)).inputs == (gcd(*channels) if cut else channels[0])
        node = SELECT.sample(random).node
        attrs, channels = attrs_as(node, SelectAttrs), node.inputs[0].type.shape[-1]
        whole = gcd(channels, attrs.firsts[-1], attrs.counts[-1]) if attrs.counts[-1] < channels else channels
        assert SELECT.fit(node, Parallelism(9999, 9999)).inputs == whole


@pytest.mark.parametrize(
    ("dims", "order", "shape", "lanes"),
    [
        ((1, 2, 3, 4), (0, 2, 1, 3), (1, 3, 2, 4), 4), ((1, 2, 3, 4), (0, 2, 1, 3), (1, 4, 6), 2),
        ((1, 2, 3, 4), (0, 2, 1, 3), (1, 8, 3), 1), ((1, 2, 3, 4), (0, 1, 3, 2), (1, 2, 4, 3), 1),
        ((1, 2, 6), (0, 2, 1), (1, 6, 2), 1),
    ],
)
def test_elements_that_stay_together_go_side_by_side(
    dims: tuple[int, ...], order: tuple[int, ...], shape: tuple[int, ...], lanes: int
) -> None:
    value = make(INPUT, InputAttrs(dims, Integer(0, 7)), [], "x", "x").output
    node = make(PERMUTE, PermuteAttrs(dims, order, shape), [value], "y", "y")
    assert PERMUTE.fit(node, Parallelism(9999, 9999)).inputs == lanes
