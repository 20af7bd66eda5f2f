"""Every integer operator, on its own random samples: shape, bounds and the reference hold together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product
from random import Random

import numpy as np
import numpy.typing as npt
import pytest

from hwgen.dataflow.unit import Role, tensor_beats
from hwgen.formats import Integer
from hwgen.ir.graph import Node, Value
from hwgen.ops.concat import AxisAttrs
from hwgen.ops.eltwise import EltwiseAttrs
from hwgen.ops.lookup import TableAttrs
from hwgen.ops.matvec import MatvecAttrs
from hwgen.ops.permute import PermuteAttrs
from hwgen.ops.rearrange import RearrangeAttrs
from hwgen.ops.record import Case, IntegerOp, attrs_as, make
from hwgen.ops.requant_pieces import PiecesAttrs
from hwgen.ops.requantize import ScaleAttrs, ThresholdAttrs
from hwgen.ops.sampling import random_format
from hwgen.ops.slicing import SelectAttrs
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.ops.table import INTEGER_OPS, REAL_OPS, definition

IntArray = npt.NDArray[np.int64]
SAMPLES = 40


def integer_format(value: Value) -> Integer:
    assert isinstance(value.type.format, Integer), "samples start from integers"
    return value.type.format


def codes_for(node: Node, random: Random) -> list[IntArray]:
    """A batch of each input: all least, all greatest, and random ones; the same where an input is given twice."""
    drawn = {value: codes_of(value, random) for value in node.inputs}
    return [drawn[value] for value in node.inputs]


def codes_of(value: Value, random: Random) -> IntArray:
    format_, shape = integer_format(value), value.type.shape
    step = 2 if format_.bipolar else 1
    rows = [np.full(shape[1:], format_.low), np.full(shape[1:], format_.high)]
    for _ in range(20):
        flat = [random.randrange(format_.low, format_.high + 1, step) for _ in range(int(np.prod(shape[1:])))]
        rows.append(np.array(flat).reshape(shape[1:]))
    return np.stack(rows).astype(np.int64)


@pytest.mark.parametrize("op", INTEGER_OPS, ids=lambda op: op.name)
def test_inferred_type_is_that_of_the_result(op: IntegerOp, random: Random) -> None:
    for _ in range(SAMPLES):
        node = op.sample(random).node
        codes = codes_for(node, random)
        result = op.reference(node, codes)
        assert result.dtype == np.int64, f"{op.name} gives {result.dtype}"
        assert result.shape == (len(codes[0]), *node.output.type.shape[1:]), f"{node.attrs}"
        format_ = node.output.type.format
        assert isinstance(format_, Integer) and format_.low <= result.min() and result.max() <= format_.high, f"{node.attrs}"


@pytest.mark.parametrize("op", INTEGER_OPS, ids=lambda op: op.name)
def test_bounds_hold_for_every_channel(op: IntegerOp, random: Random) -> None:
    for _ in range(SAMPLES):
        node = op.sample(random).node
        result = op.reference(node, codes_for(node, random))
        bounds = op.bounds(node)
        assert len(bounds) in (1, result.shape[-1]), "one interval, or one a channel"
        for channel in range(result.shape[-1]):
            interval, values = bounds[channel % len(bounds)], result[..., channel]
            assert interval.low <= values.min() and values.max() <= interval.high, f"channel {channel} of {node.attrs}"


@pytest.mark.parametrize("op", INTEGER_OPS, ids=lambda op: op.name)
def test_reference_treats_each_vector_of_a_batch_alone(op: IntegerOp, random: Random) -> None:
    node = op.sample(random).node
    codes = codes_for(node, random)
    together = op.reference(node, codes)
    for i in range(len(codes[0])):
        assert np.array_equal(op.reference(node, [c[i : i + 1] for c in codes])[0], together[i])


def plainly(node: Node, vectors: list[IntArray]) -> list[int]:
    """The operators' definitions once more, element by element in Python integers."""
    if len(vectors) == 1 and not isinstance(node.attrs, PermuteAttrs | SelectAttrs | RearrangeAttrs):
        result = raw_codes(node, vectors[0].ravel().tolist())
    else:
        result = [element(node, vectors, place) for place in product(*map(range, node.output.type.shape[1:]))]
    format_ = node.output.type.format
    requantizes = isinstance(node.attrs, ScaleAttrs | PiecesAttrs | ThresholdAttrs | TableAttrs)
    return [2 * r - 1 for r in result] if requantizes and isinstance(format_, Integer) and format_.bipolar else result


def element(node: Node, vectors: list[IntArray], place: tuple[int, ...]) -> int:
    """One element of what moves or combines elements."""
    match node.attrs:
        case EltwiseAttrs() as a:
            x, y = int(vectors[0][place]) * a.a_mul + a.a_off, int(vectors[1][place]) * a.b_mul + a.b_off
            return {"add": x + y, "mul": x * y, "min": min(x, y), "max": max(x, y)}[a.kind]
        case AxisAttrs(axis=axis):
            at = place[axis - 1]
            for vector in vectors:
                if at < vector.shape[axis - 1]:
                    return int(vector[(*place[: axis - 1], at, *place[axis:])])
                at -= vector.shape[axis - 1]
            raise AssertionError("beyond the last part")
        case SelectAttrs(firsts=firsts):
            return int(vectors[0][tuple(k + f for k, f in zip(place, firsts[1:], strict=True))])
        case PermuteAttrs(dims=dims, order=order, shape=shape):
            digits = np.unravel_index(np.ravel_multi_index((0, *place), shape), tuple(dims[o] for o in order))
            source = [0] * len(dims)
            for axis, digit in zip(order, digits, strict=True):
                source[axis] = int(digit)
            return int(vectors[0].ravel()[np.ravel_multi_index(source, dims)])
        case RearrangeAttrs() as a:
            image = vectors[0].reshape((*vectors[0].shape[:-1], 1, 1)[:2] + vectors[0].shape[-1:])
            row, col = (*place[:-1], 0, 0)[:2]
            y, x = a.row_start + sum(a.row_steps[:row]), a.col_start + sum(a.col_steps[:col])
            return int(image[y, x, place[-1]]) if 0 <= y < image.shape[0] and 0 <= x < image.shape[1] else a.pad
        case _:
            raise NotImplementedError(f"say here what {node.op} computes")


def raw_codes(node: Node, vector: list[int]) -> list[int]:
    match node.attrs:
        case MatvecAttrs(weight=weight):
            return [sum(int(w) * x for w, x in zip(row, vector, strict=True)) for row in weight]
        case ScaleAttrs() as a:
            result = []
            for i, x in enumerate(vector):
                k = i % len(a.multipliers)
                total = sum((x * a.multipliers[k] + b) // 2**a.shift for b in a.offsets[k])
                span = a.high - a.low + 1
                result.append((total - a.low) % span + a.low if a.wrap else min(max(total, a.low), a.high))
            return result
        case PiecesAttrs() as a:
            result = []
            for i, x in enumerate(vector):
                k, span = i % len(a.bounds), a.high - a.low + 1
                piece = len([t for t in a.bounds[k] if x >= t])
                total = sum((x * a.multipliers[k][piece] + b) // 2**a.shift for b in a.offsets[k][piece])
                result.append((total - a.low) % span + a.low if a.wrap else min(max(total, a.low), a.high))
            return result
        case ThresholdAttrs() as a:
            rows = len(a.thresholds)
            return [
                a.offset + sum((-x - 1 if a.invert[i % rows] else x) >= t for t in a.thresholds[i % rows].tolist())
                for i, x in enumerate(vector)
            ]
        case TableAttrs() as a:
            return [int(a.values[x - a.low]) for x in vector]
        case _ if node.op == "argmax_index":
            classes = node.inputs[0].type.shape[-1]
            rows = [vector[k : k + classes] for k in range(0, len(vector), classes)]
            return [row.index(max(row)) for row in rows]
        case _ if node.op == "view":
            return vector
        case _:
            raise NotImplementedError(f"say here what {node.op} computes")


WINDOWED = ("conv_codes", "depthwise", "pool_codes")
"""Held to plain loops in test_windows.py."""


@pytest.mark.parametrize("op", [op for op in INTEGER_OPS if op.name not in WINDOWED], ids=lambda op: op.name)
def test_reference_equals_the_definition_in_plain_python(op: IntegerOp, random: Random) -> None:
    for _ in range(SAMPLES):
        node = op.sample(random).node
        codes = codes_for(node, random)
        for sample, got in enumerate(op.reference(node, codes)):
            assert got.ravel().tolist() == plainly(node, [c[sample] for c in codes]), f"{node.attrs}, sample {sample}"


@pytest.mark.parametrize("op", INTEGER_OPS, ids=lambda op: op.name)
def test_hardware_holds_what_the_operator_says(op: IntegerOp, random: Random) -> None:
    for _ in range(SAMPLES):
        case = op.sample(random)
        node, lanes = case.node, op.fit(case.node, case.parallelism)
        assert op.fit(node, lanes) == lanes, "what is legal stays"
        units = op.units(node, lanes)
        if not units:
            codes = codes_for(node, random)
            assert op.reference(node, codes).ravel().tolist() == codes[0].ravel().tolist(), "wires"
            continue
        first, last = units[0], units[-1]
        assert first.in_beats == tensor_beats(node.inputs[0].type.shape, first.in_lanes) or first.role is Role.FRONT
        assert last.out_beats == tensor_beats(node.output.type.shape, last.out_lanes), "beats cover the output"
        assert lanes.inputs == first.in_lanes
        for before, after in pairwise(units):
            assert (before.out_beats, before.out_lanes) == (after.in_beats, after.in_lanes), "each takes what the one before gives"
        for unit in units:
            assert (unit.timing is not None) == (unit.role is Role.STREAM)
            assert {m: c for m, c in op.costs.items() if m == unit.module}, f"no cost of {unit.module}"
            for memory in unit.memories:
                for field in memory.fields:
                    assert len(field.values) == memory.depth, "all fields of a memory have its depth"
                    assert all(-(1 << field.bits - 1) <= int(v) < 1 << field.bits for v in field.values), "values fit their field"
            assert unit.multipliers == 0 or unit.repeats * unit.in_beats * unit.multipliers >= unit.macs, "products fit the cycles"


def chain(random: Random, layers: int) -> Iterator[tuple[IntegerOp, Value, Case]]:
    """Random uses of random operators, each on what the one before gives, where that is legal."""
    value = None
    for _ in range(layers):
        op = random.choice(INTEGER_OPS)
        if value is not None and not op.takes(value):
            continue
        case = op.sample(random, value)
        yield op, case.node.inputs[0], case
        value = case.node.output


def test_an_operator_takes_what_another_gives_where_it_says_so(random: Random) -> None:
    for _ in range(60):
        for op, value, case in chain(random, 6):
            assert case.node.inputs[0] is value
            assert op.infer(case.node) == case.node.output_types


@pytest.mark.parametrize("op", INTEGER_OPS, ids=lambda op: op.name)
def test_what_is_plainer_is_legal_and_other(op: IntegerOp, random: Random) -> None:
    for _ in range(SAMPLES):
        node = op.sample(random).node
        for attrs in op.plainer(node):
            plain = make(op, attrs, node.inputs, "y", "plain")
            assert repr(attrs) != repr(node.attrs)
            codes = codes_for(plain, random)
            assert op.reference(plain, codes).shape == (len(codes[0]), *plain.output.type.shape[1:])


@pytest.mark.parametrize("op", INTEGER_OPS, ids=lambda op: op.name)
def test_what_is_plainer_again_and_again_comes_to_an_end(op: IntegerOp, random: Random) -> None:
    for _ in range(SAMPLES):
        node = op.sample(random).node
        for _ in range(60):
            plainer = list(op.plainer(node))
            if not plainer:
                break
            node = make(op, random.choice(plainer), node.inputs, "y", "plain")
        assert not any(op.plainer(node)), f"{node.attrs}"


@pytest.mark.parametrize("op", [op for op in INTEGER_OPS if op.name not in ("eltwise", "join")], ids=lambda op: op.name)
def test_attributes_are_cut_to_a_smaller_input(op: IntegerOp, random: Random) -> None:
    for _ in range(SAMPLES):
        node = op.sample(random).node
        *outer, channels = node.inputs[0].type.shape
        shape = (*outer, random.randint(1, channels))
        value = make(INPUT, InputAttrs(shape, random_format(random, 4)), [], "x", "x").output
        if not op.takes(value):
            continue
        cut = make(op, op.refit(node, value), [value], "y", "cut")
        codes = codes_for(cut, random)
        assert op.reference(cut, codes).shape == (len(codes[0]), *cut.output.type.shape[1:])


def test_matvec_bounds_are_reached() -> None:
    (matvec,) = (op for op in INTEGER_OPS if op.name == "matvec")
    random = Random(5)
    for _ in range(SAMPLES):
        node = matvec.sample(random).node
        weight, format_ = attrs_as(node, MatvecAttrs).weight, integer_format(node.inputs[0])
        for row, interval in zip(weight, matvec.bounds(node), strict=True):
            greatest = np.where(row > 0, format_.high, format_.low)
            least = np.where(row > 0, format_.low, format_.high)
            assert (int(row @ least), int(row @ greatest)) == (interval.low, interval.high)


def test_every_operator_is_found_by_its_name_and_names_are_unique() -> None:
    names = [op.name for op in (*REAL_OPS, *INTEGER_OPS)]
    assert len(set(names)) == len(names)
    assert all(definition(op.name) is op for op in (*REAL_OPS, *INTEGER_OPS))


def test_no_two_operators_claim_one_foreign_name() -> None:
    for kind in ("onnx", "torch"):
        claimed = [name for op in REAL_OPS for name in getattr(op, kind)]
        assert len(set(claimed)) == len(claimed), f"{kind}: {sorted(n for n in claimed if claimed.count(n) > 1)}"
