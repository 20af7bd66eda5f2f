"""Every integer operator, on its own random samples: shape, bounds and the reference hold together."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import numpy as np
import numpy.typing as npt
import pytest

from hwgen.formats import Integer
from hwgen.ir.graph import Node, Value
from hwgen.ops.linear import MatvecAttrs
from hwgen.ops.lookup import TableAttrs
from hwgen.ops.record import Case, IntegerOp, attrs_as, make
from hwgen.ops.requantize import ScaleAttrs, ThresholdAttrs
from hwgen.ops.sampling import random_format
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.ops.table import INTEGER_OPS, REAL_OPS, definition

IntArray = npt.NDArray[np.int64]
SAMPLES = 40


def integer_format(node: Node) -> Integer:
    format_ = node.inputs[0].type.format
    assert isinstance(format_, Integer), "samples start from integers"
    return format_


def codes_for(node: Node, random: Random) -> IntArray:
    """A batch: all least, all greatest, and random ones."""
    format_, shape = integer_format(node), node.inputs[0].type.shape
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
        result = op.reference(node, [codes])
        assert result.dtype == np.int64, f"{op.name} gives {result.dtype}"
        assert result.shape == (len(codes), *node.output.type.shape[1:]), f"{node.attrs}"
        format_ = node.output.type.format
        assert isinstance(format_, Integer) and format_.low <= result.min() and result.max() <= format_.high, f"{node.attrs}"


@pytest.mark.parametrize("op", INTEGER_OPS, ids=lambda op: op.name)
def test_bounds_hold_for_every_channel(op: IntegerOp, random: Random) -> None:
    for _ in range(SAMPLES):
        node = op.sample(random).node
        result = op.reference(node, [codes_for(node, random)])
        bounds = op.bounds(node)
        assert len(bounds) in (1, result.shape[-1]), "one interval, or one a channel"
        for channel in range(result.shape[-1]):
            interval, values = bounds[channel % len(bounds)], result[..., channel]
            assert interval.low <= values.min() and values.max() <= interval.high, f"channel {channel} of {node.attrs}"


@pytest.mark.parametrize("op", INTEGER_OPS, ids=lambda op: op.name)
def test_reference_treats_each_vector_of_a_batch_alone(op: IntegerOp, random: Random) -> None:
    node = op.sample(random).node
    codes = codes_for(node, random)
    together = op.reference(node, [codes])
    for i in range(len(codes)):
        assert np.array_equal(op.reference(node, [codes[i : i + 1]])[0], together[i])


def plainly(node: Node, vector: list[int]) -> list[int]:
    """The operators' definitions once more, element by element in Python integers."""
    result = raw_codes(node, vector)
    format_ = node.output.type.format
    requantizes = isinstance(node.attrs, ScaleAttrs | ThresholdAttrs | TableAttrs)
    return [2 * r - 1 for r in result] if requantizes and isinstance(format_, Integer) and format_.bipolar else result


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
        case ThresholdAttrs() as a:
            rows = len(a.thresholds)
            return [
                a.offset + sum((-x - 1 if a.invert[i % rows] else x) >= t for t in a.thresholds[i % rows].tolist())
                for i, x in enumerate(vector)
            ]
        case TableAttrs() as a:
            return [int(a.values[x - a.low]) for x in vector]
        case _ if node.op == "argmax_index":
            return [vector.index(max(vector))]
        case _ if node.op == "view":
            return vector
        case _:
            raise NotImplementedError(f"say here what {node.op} computes")


@pytest.mark.parametrize("op", INTEGER_OPS, ids=lambda op: op.name)
def test_reference_equals_the_definition_in_plain_python(op: IntegerOp, random: Random) -> None:
    for _ in range(SAMPLES):
        node = op.sample(random).node
        codes = codes_for(node, random)
        result = op.reference(node, [codes])
        for given, got in zip(codes, result, strict=True):
            assert got.ravel().tolist() == plainly(node, given.ravel().tolist()), f"{node.attrs} of {given.ravel().tolist()}"


@pytest.mark.parametrize("op", [op for op in INTEGER_OPS if op.unit is not None], ids=lambda op: op.name)
def test_hardware_holds_what_the_operator_says(op: IntegerOp, random: Random) -> None:
    assert op.unit is not None, "an operator with hardware"
    for _ in range(SAMPLES):
        case = op.sample(random)
        node, unit = case.node, op.unit(case.node, case.parallelism)
        elements = int(np.prod(node.inputs[0].type.shape))
        assert (unit.in_beats - 1) * unit.in_lanes < elements <= unit.in_beats * unit.in_lanes, "beats cover the input"
        results = int(np.prod(node.output.type.shape))
        assert (unit.out_beats - 1) * unit.out_lanes < results <= unit.out_beats * unit.out_lanes, "beats cover the output"
        assert unit.latency_cycles >= 1 and unit.repeats >= 1
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
            assert case.node.inputs == (value,)
            assert op.infer(case.node) == case.node.output_types
            assert op.unit is None or op.unit(case.node, case.parallelism).latency_cycles >= 1


@pytest.mark.parametrize("op", INTEGER_OPS, ids=lambda op: op.name)
def test_what_is_plainer_is_legal_and_other(op: IntegerOp, random: Random) -> None:
    for _ in range(SAMPLES):
        node = op.sample(random).node
        for attrs in op.plainer(node):
            plain = make(op, attrs, node.inputs, "y", "plain")
            assert attrs is not node.attrs and plain.output.type.elements <= node.output.type.elements
            codes = codes_for(plain, random)
            assert op.reference(plain, [codes]).shape == (len(codes), *plain.output.type.shape[1:])


@pytest.mark.parametrize("op", INTEGER_OPS, ids=lambda op: op.name)
def test_attributes_are_cut_to_a_smaller_input(op: IntegerOp, random: Random) -> None:
    for _ in range(SAMPLES):
        node = op.sample(random).node
        elements = random.randint(1, node.inputs[0].type.elements)
        value = make(INPUT, InputAttrs((1, elements), random_format(random, 4)), [], "x", "x").output
        cut = make(op, op.refit(node, value), [value], "y", "cut")
        codes = codes_for(cut, random)
        assert op.reference(cut, [codes]).shape == (len(codes), *cut.output.type.shape[1:])


def test_matvec_bounds_are_reached() -> None:
    (matvec,) = (op for op in INTEGER_OPS if op.name == "matvec")
    random = Random(5)
    for _ in range(SAMPLES):
        node = matvec.sample(random).node
        weight, format_ = attrs_as(node, MatvecAttrs).weight, integer_format(node)
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
