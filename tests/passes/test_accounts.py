"""What each pass says that it did and left, and the cases that it must leave or refuse."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from networks import constant, graph_of, mlp, quantized

from hwgen.errors import HwgenError
from hwgen.formats import REAL, Fixed, parse_quantized
from hwgen.ir.graph import NO_ATTRS, Graph, Value
from hwgen.numerics.surd import Surd
from hwgen.ops.activation import RELU
from hwgen.ops.arithmetic import ADD, DIV, MUL, SUB
from hwgen.ops.classify import SOFTMAX, SoftmaxAttrs
from hwgen.ops.functions import SIGMOID
from hwgen.ops.linear import LINEAR
from hwgen.ops.matvec import MatvecAttrs
from hwgen.ops.record import make
from hwgen.ops.run import evaluate
from hwgen.ops.scalar import BATCH_NORM, SCALE_BIAS, BatchNormAttrs, ScaleBiasAttrs
from hwgen.ops.shape import RESHAPE, TRANSPOSE, ReshapeAttrs, TransposeAttrs
from hwgen.ops.source import CONSTANT, INPUT, ConstantAttrs, InputAttrs
from hwgen.pipeline import Note
from passes import (
    ArgmaxOnChip,
    AssignInputFormat,
    AssignPrecision,
    FoldBatchNorm,
    FoldConstants,
    FoldScalarArithmetic,
    InferRanges,
    Lower,
)


def source(*shape: int) -> Value:
    return make(INPUT, InputAttrs((1, *shape)), [], "x", "x").output


def linear(x: Value, weight: Value, name: str, *bias: Value) -> Value:
    return make(LINEAR, NO_ATTRS, [x, weight, *bias], name, name).output


def batch_norm(x: Value, name: str = "bn") -> Value:
    vectors = ([2.0, -1.0], [0.5, 3.0], [1.0, -2.0], [0.25, 4.0])
    gamma, beta, mean, variance = (tuple(Surd.of(v) for v in vector) for vector in vectors)
    return make(BATCH_NORM, BatchNormAttrs(gamma, beta, mean, variance, Surd.of(0)), [x], name, name).output


def at(graph: Graph, x: object) -> list[float]:
    return evaluate(graph, {"x": np.atleast_2d(np.asarray(x, dtype=np.float64))})[graph.outputs[0]].ravel().tolist()


def told(notes: Sequence[Note]) -> list[tuple[str, str]]:
    return [(note.where, note.what) for note in notes]


# --- infer-ranges -----------------------------------------------------------------------------------------------------


def test_ranges_are_those_of_the_weights_and_the_format() -> None:
    lowered, _ = Lower()(FoldConstants()(mlp((3, 4, 2), 1))[0])
    _, info = InferRanges()(lowered)
    notes = dict(told(info.left))
    node = next(n for n in lowered.nodes if n.op == "matvec")
    assert isinstance(node.attrs, MatvecAttrs), "a matrix product"
    low = [sum(min(int(w) * -128, int(w) * 127) for w in row) for row in node.attrs.weight]
    high = [sum(max(int(w) * -128, int(w) * 127) for w in row) for row in node.attrs.weight]
    spans = [b - a for a, b in zip(low, high, strict=True)]
    bits = max((-min(low) - 1).bit_length(), max(high).bit_length()) + 1
    said = f"{min(low)}..{max(high)}, {bits} bits, spans {min(spans)} to {max(spans)} by channel"
    assert notes["fc1.y.accumulator"] == said
    assert "spans" not in notes["fc1.q"], "one range for all channels"
    assert not info.changed


# --- assign-input-format ----------------------------------------------------------------------------------------------


def test_an_input_that_the_model_quantizes_is_left_and_overridden_on_demand() -> None:
    graph = graph_of(quantized(source(2), "int4[scale=1/2]", "q"))
    after, info = AssignInputFormat("fixed<8,4>")(graph)
    assert [n.op for n in after.nodes] == ["input", "quantize"]
    assert told(info.left) == [("x", "the model quantizes it to int4[scale=1/2]")] and not info.changed
    after, info = AssignInputFormat("fixed<8,4>", override=True)(graph)
    assert [n.op for n in after.nodes] == ["input", "quantize", "quantize"]
    assert str(after.nodes[1].output.type.format).startswith("fixed<8,4>")
    assert [n.where for n in info.changed] == ["x"] and "fixed<8,4>" in info.changed[0].what


@pytest.mark.parametrize("second", ["int4[scale=1]", None])
def test_an_input_of_two_formats_or_also_real_gets_one(second: str | None) -> None:
    x = source(2)
    other = make(RELU, NO_ATTRS, [x], "r", "r").output if second is None else quantized(x, second, "r")
    after, info = AssignInputFormat("fixed<8,4>")(graph_of(quantized(x, "int4[scale=1/2]", "q"), other))
    assert len(info.changed) == 1 and not info.left
    (first,) = (n for n in after.nodes if n.op == "quantize" and n.inputs[0].producer.op == "input")
    assert len(after.uses[first.output]) == 2, "both uses take the new format"


# --- assign-precision -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("largest", "integer_bits"), [(0.3, 0), (0.5, 1), (0.49, 0), (1.0, 2), (1.9, 2), (2.0, 3), (100.0, 8), (0.0, 3)]
)
def test_weights_and_data_get_the_fewest_integer_bits(largest: float, integer_bits: int) -> None:
    """2**(integer bits - 1) is more than the magnitude; of nothing but zeros the format stays."""
    weight = constant([[largest, 0.0], [-0.01 if largest else 0.0, 0.0]], "w")
    graph = graph_of(linear(source(2), weight, "fc"))
    data = np.array([[-largest, 0.0], [0.0, 0.0]])
    after, info = AssignPrecision("fixed<8,3>", data)(graph)
    x, w = (n.output.type.format for n in after.nodes if n.op == "quantize")
    assert isinstance(x, Fixed) and isinstance(w, Fixed), "fixed point"
    assert (x.integer_bits, w.integer_bits) == (integer_bits, integer_bits) and (x.width, w.width) == (8, 8)
    assert [(n.where, n.what.split(" becomes ")[0]) for n in info.changed] == [("fc", "input 0 (x)"), ("fc", "input 1 (w)")]


def test_an_affine_format_is_taken_as_it_is_given_and_without_data_any_is() -> None:
    graph = graph_of(linear(source(2), constant([[9.0, 1.0]], "w"), "fc"))
    after, _ = AssignPrecision("int8[scale=1/4]", np.array([[100.0, 0.0]]))(graph)
    assert {str(n.output.type.format) for n in after.nodes if n.op == "quantize"} == {"int8[scale=1/4]"}
    after, _ = AssignPrecision("fixed<8,3>")(graph)
    formats = [n.output.type.format for n in after.nodes if n.op == "quantize"]
    assert [f.integer_bits for f in formats if isinstance(f, Fixed)] == [3, 3]


def test_what_the_model_quantizes_is_left_also_behind_a_change_of_shape() -> None:
    q = quantized(source(2), "int4[scale=1/2]", "q")
    graph = graph_of(linear(q, constant([[1.0, 2.0]], "w"), "fc"))
    after, info = AssignPrecision("fixed<8,3>")(graph)
    assert told(info.left) == [("fc", "input 0 is quantized by the model")]
    assert [n.where for n in info.changed] == ["fc"]
    assert sum(n.op == "quantize" for n in after.nodes) == 2


def test_a_value_that_others_use_too_is_quantized_once() -> None:
    x, weight = source(2), constant([[1.0, 2.0]], "w")
    alone, _ = AssignPrecision("fixed<8,3>")(graph_of(linear(x, weight, "a")))
    assert [n.output.name for n in alone.nodes if n.op == "quantize"] == ["x.q", "w.q"]
    both, _ = AssignPrecision("fixed<8,3>")(graph_of(linear(x, weight, "a"), linear(x, weight, "b")))
    assert [n.output.name for n in both.nodes if n.op == "quantize"] == ["x.q", "w.q"]


def test_a_function_behind_which_nothing_comes_needs_no_codes() -> None:
    last = make(SIGMOID, NO_ATTRS, [source(2)], "s", "s").output
    after, _ = AssignPrecision("fixed<8,3>")(graph_of(last))
    assert [n.op for n in after.nodes] == ["input", "sigmoid"]
    after, _ = AssignPrecision("fixed<8,3>")(graph_of(make(RELU, NO_ATTRS, [last], "r", "r").output))
    assert [n.op for n in after.nodes] == ["input", "quantize", "sigmoid", "relu"]


# --- fold-batch-norm --------------------------------------------------------------------------------------------------


def test_batch_norm_folds_into_a_product_with_and_without_bias() -> None:
    weight = constant([[1.0, 2.0], [3.0, -1.0]], "w")
    for bias in ([], [constant([0.5, -1.5], "b")]):
        graph = graph_of(batch_norm(linear(source(2), weight, "fc", *bias)))
        after, info = FoldBatchNorm()(graph)
        assert [n.op for n in after.nodes if n.op != "constant"] == ["input", "linear"]
        assert told(info.changed) == [("bn", "folded into fc")]
        b = (0.5, -1.5) if bias else (0.0, 0.0)
        # gamma / sqrt(variance) is 4 and -1/2; y = w @ (1, 2) + b is 5 + b and 1 + b
        wanted = [4 * (5 + b[0] - 1.0) + 0.5, -0.5 * (1 + b[1] + 2.0) + 3.0]
        assert at(after, [1, 2]) == pytest.approx(wanted) and at(graph, [1, 2]) == pytest.approx(wanted)


def test_batch_norm_stays_where_it_cannot_fold() -> None:
    x, weight = source(2), constant([[1.0, 2.0], [3.0, -1.0]], "w")
    fc = linear(x, weight, "fc")
    exact = quantized(weight, "int4[scale=1]", "wq")
    computed = linear(x, weight, "fc", make(RELU, NO_ATTRS, [constant([1.0, 2.0], "b")], "br", "br").output)
    for value, others, why in (
        (x, (), "what comes before is input, not a linear operator"),
        (fc, (fc,), None), (fc, (make(RELU, NO_ATTRS, [fc], "r", "r").output,), "fc is used by others too"),
        (linear(x, FoldConstants()(graph_of(exact))[0].outputs[0], "fc"), (), "the weight of fc is quantized; the batch norm goes"),
        (linear(x, exact, "fc"), (), "the weight of fc is quantized; the batch norm goes"),
        (computed, (), "the bias of fc is not constant"),
    ):
        after, info = FoldBatchNorm()(graph_of(batch_norm(value), *others))
        if why is not None:
            assert any(n.op == "batch_norm" for n in after.nodes) and not info.changed
            assert [n.where for n in info.left] == ["bn"] and info.left[0].what.startswith(why)


# --- fold-scalar-arithmetic -------------------------------------------------------------------------------------------


def test_arithmetic_on_either_side_folds_and_neighbours_merge() -> None:
    x = source(2)
    vector = constant([2.0, 4.0], "v")
    for op, first, wanted in (
        (ADD, False, [5, 9]), (ADD, True, [5, 9]), (SUB, False, [1, 1]), (SUB, True, [-1, -1]), (MUL, True, [6, 20]),
        (DIV, False, [1.5, 1.25]),
    ):
        graph = graph_of(make(op, NO_ATTRS, [vector, x] if first else [x, vector], "y", "y").output)
        after, info = FoldScalarArithmetic()(graph)
        assert [n.op for n in after.nodes] == ["input", "scale_bias"]
        assert told(info.changed) == [("y", f"{op.name} with a constant")]
        assert at(after, [3, 5]) == wanted
    doubled = make(MUL, NO_ATTRS, [x, constant(2.0, "two")], "d", "d").output
    shifted = make(SUB, NO_ATTRS, [vector, doubled], "s", "s").output
    after, _ = FoldScalarArithmetic()(graph_of(shifted))
    assert [n.op for n in after.nodes] == ["input", "scale_bias"] and at(after, [3, 5]) == [-4, -6]
    doubled = make(SCALE_BIAS, ScaleBiasAttrs((Surd.of(2),), (Surd.of(0),)), [x], "d", "d").output
    shifted = make(SUB, NO_ATTRS, [vector, doubled], "s", "s").output
    after, _ = FoldScalarArithmetic()(graph_of(shifted))
    assert [n.op for n in after.nodes] == ["input", "scale_bias"] and at(after, [3, 5]) == [-4, -6]
    after, _ = FoldScalarArithmetic()(graph_of(shifted, make(RELU, NO_ATTRS, [doubled], "r", "r").output))
    assert after.outputs[0].producer.inputs[0].producer.op == "scale_bias", "a value with another use stays"


def test_arithmetic_that_does_not_fold_is_left_and_a_misfit_is_refused() -> None:
    x = source(2, 3)
    quotient = make(DIV, NO_ATTRS, [constant([1.0, 2.0, 3.0], "v"), x], "y", "y").output
    after, info = FoldScalarArithmetic()(graph_of(quotient))
    assert sorted(n.op for n in after.nodes) == ["constant", "div", "input"]
    assert told(info.left) == [("y", "div has no constant operand of a form that folds")]
    for shape in ((2, 3), (1, 2, 3)):
        with pytest.raises(HwgenError, match="use a scalar or one number a channel"):
            FoldScalarArithmetic()(graph_of(make(ADD, NO_ATTRS, [x, constant(np.ones(shape), "c")], "y", "y").output))


# --- fold-constants ---------------------------------------------------------------------------------------------------


def test_constants_fold_and_what_has_no_rule_is_named() -> None:
    pair = [constant([6.0, 2.0], "a"), constant([3.0, 4.0], "b")]
    x = source(2)
    for op, wanted in ((ADD, [9, 6]), (SUB, [3, -2]), (MUL, [18, 8]), (DIV, [2, 0.5])):
        folded = make(op, NO_ATTRS, pair, "c", "c").output
        after, info = FoldConstants()(graph_of(make(ADD, NO_ATTRS, [x, folded], "y", "y").output))
        assert told(info.changed) == [("c", f"{op.name} of a constant")] and not info.left
        assert at(after, [0, 0]) == wanted
    last = make(RELU, NO_ATTRS, [pair[0]], "r", "r").output
    _, info = FoldConstants()(graph_of(make(ADD, NO_ATTRS, [x, last], "y", "y").output))
    assert told(info.left) == [("r", "relu of constants has no folding rule here")] and not info.changed


@pytest.mark.parametrize(("rows", "columns", "refused"), [(1 << 8, 1 << 8, False), (1 << 8, (1 << 8) + 1, True)])
def test_a_constant_far_larger_than_what_it_is_made_of_is_refused(rows: int, columns: int, refused: bool) -> None:
    total = make(ADD, NO_ATTRS, [constant(np.ones((rows, 1)), "a"), constant(np.ones(columns), "b")], "c", "c").output
    if refused:
        with pytest.raises(HwgenError, match=f"computes {rows * columns} constants"):
            FoldConstants()(graph_of(total))
    else:
        after, _ = FoldConstants()(graph_of(total))
        assert [n.op for n in after.nodes] == ["constant"]


# --- argmax-on-chip, lower --------------------------------------------------------------------------------------------


def test_softmax_gives_way_to_the_index_and_the_account_says_so() -> None:
    graph = mlp((3, 4, 2), 1)
    last = make(SOFTMAX, SoftmaxAttrs(False), [graph.outputs[0]], "p", "softmax").output
    for output, where in ((last, "softmax"), (graph.outputs[0], "fc2")):
        after, info = ArgmaxOnChip()(graph_of(output))
        assert [n.op for n in after.nodes][-1] == "argmax" and "softmax" not in [n.op for n in after.nodes]
        assert told(info.changed) == [(where, "the index of the greatest logit leaves the chip")]


def test_lowering_tells_what_came_of_each_layer_and_what_the_host_does() -> None:
    graph = mlp((3, 4, 2), 1)
    last = make(SOFTMAX, SoftmaxAttrs(False), [graph.outputs[0]], "p", "softmax").output
    folded, _ = FoldConstants()(graph_of(last))
    lowered, info = Lower()(folded)
    assert ("x", "comes in as codes of 8 bits") in told(info.changed)
    accumulator = next(n for n in lowered.nodes if n.op == "matvec").output.type.format
    bits = getattr(accumulator, "bits", 0)
    (note,) = (n for n in info.changed if n.where == "fc1")
    assert note.what.split(" from ")[1] == f"{bits} to 4 bits"
    assert told(info.left) == [("softmax", "softmax is left to the host")]
    assert [n.op for n in lowered.nodes][-2:] == ["decode", "softmax"]


def test_codes_already_on_their_grid_are_not_computed_again() -> None:
    q = quantized(source(2), "int8[scale=1/2]", "q")
    for again, there in (
        ("int8[scale=1/2]", True), ("int9[scale=1/2]", True), ("int7[scale=1/2]", False), ("int8[scale=1]", False),
        ("int8[scale=1/2,zero=1]", False),
    ):
        lowered, info = Lower()(graph_of(quantized(q, again, "q2")))
        assert (("q2", "the codes are already on this grid") in told(info.changed)) == there
        assert any(n.op in ("requant_scale", "requant_threshold", "table") for n in lowered.nodes) != there


@pytest.mark.parametrize(
    ("gain", "bias", "low", "high"),
    [(2, 0, 0, 6), (-1, 3, 0, 3), (0, 0, -1, 0), (0, 5, 4, 5), (0, -128, -128, -127), (100, -50, -50, 127)],
)
def test_levels_that_cannot_occur_are_dropped(gain: int, bias: int, low: int, high: int) -> None:
    """Codes 0 to 3 through a line, to int8; where one level is all there is a second one stays, as a bit has two."""
    line = ScaleBiasAttrs((Surd.of(gain),), (Surd.of(bias),))
    value = make(SCALE_BIAS, line, [quantized(source(2), "uint2[scale=1]", "q")], "line", "line").output
    lowered, _ = Lower()(graph_of(quantized(value, "int8[scale=1]", "q2")))
    format_ = next(n for n in lowered.nodes if n.op == "view" and n.path == "q2" or n.op.startswith("requant")).output.type.format
    assert (getattr(format_, "low", None), getattr(format_, "high", None)) == (low, high)
    for x in range(4):
        assert at_codes(lowered, [x, 3 - x]) == [min(max(gain * v + bias, -128), 127) for v in (x, 3 - x)]


def at_codes(lowered: Graph, codes: list[int]) -> list[float]:
    return evaluate(lowered, {"x": np.array([codes])})[lowered.outputs[0]].ravel().tolist()


def test_lowering_refuses_what_has_no_integer_form() -> None:
    x = source(2)
    q, weight = quantized(x, "int4[scale=1/2]", "q"), constant([[1.0, 2.0]], "w")
    middle = make(SOFTMAX, SoftmaxAttrs(False), [q], "p", "softmax").output
    alone = linear(constant([[1.0, 1.0]], "c"), quantized(weight, "int4[scale=1]", "wq"), "fc")
    for value, says in (
        (quantized(middle, "int4[scale=1/2]", "q2"), "softmax 'softmax': divides by a sum that it computes"),
        (make(ADD, NO_ATTRS, [q, quantized(alone, "int4[scale=1]", "q2")], "y", "y").output, "constants only"),
        (quantized(make(RELU, NO_ATTRS, [alone.producer.inputs[0]], "r", "r").output, "int4[scale=1/2]", "q2"), "constants only"),
        (quantized(q, "int40[scale=1/1099511627776]", "q2"), "quantize to at most 31 bits"),
        (quantized(q, "uint40[scale=1/1099511627776]", "q2"), "quantize to at most 31 bits"),
    ):
        with pytest.raises(HwgenError, match=says):
            Lower()(FoldConstants()(graph_of(value, q) if "constants" in says else graph_of(value))[0])


def test_a_scale_that_float64_does_not_hold_is_refused_where_it_leaves_the_chip() -> None:
    q = quantized(source(1), "int4[scale=1]", "q")
    for gain, bias in ((Surd.of(2) * Surd.of(2.0**1023), Surd.of(0)), (Surd.of(1), Surd.of(2) * Surd.of(2.0**1023))):
        line = make(SCALE_BIAS, ScaleBiasAttrs((gain,), (bias,)), [q], "line", "line").output
        with pytest.raises(HwgenError, match="use milder scales"):
            Lower()(graph_of(line))
    for gain in (Surd.of(0), Surd.of(2.0**1000)):
        line = make(SCALE_BIAS, ScaleBiasAttrs((gain,), (Surd.of(2.0**-1074) * Surd.of(2.0**-10),)), [q], "line", "line").output
        Lower()(graph_of(line))


# --- what folds, in which shape ---------------------------------------------------------------------------------------


def folded_constant(value: Value) -> ConstantAttrs:
    """What the one operand that folds becomes: the output's producer after the pass."""
    after, info = FoldConstants()(graph_of(value))
    attrs = after.outputs[0].producer.attrs
    assert isinstance(attrs, ConstantAttrs) and len(after.nodes) == 1 and info.changed
    return attrs


def test_constants_fold_through_shapes_quantizers_and_lines() -> None:
    matrix = constant([[1.0, 2.0, 3.0], [-4.0, 5.0, 6.0]], "w")
    turned = make(TRANSPOSE, TransposeAttrs((1, 0)), [matrix], "t", "t").output
    assert folded_constant(turned).data.tolist() == [[1, -4], [2, 5], [3, 6]] and folded_constant(turned).format is REAL
    line = ScaleBiasAttrs((Surd.of(2), Surd.of(3), Surd.of(-1)), (Surd.of(10),))
    exact = folded_constant(make(SCALE_BIAS, line, [matrix], "l", "l").output)
    assert [[v.rational for v in row] for row in exact.data.tolist()] == [[12, 16, 7], [2, 25, 4]]
    codes = quantized(matrix, "int4[scale=1 2,axis=0]", "q")
    attrs = folded_constant(make(TRANSPOSE, TransposeAttrs((1, 0)), [codes], "t", "t").output)
    assert attrs.data.tolist() == [[1, -2], [2, 2], [3, 3]] and str(attrs.format) == "int4[scale=1 2,axis=1]"
    flat = folded_constant(make(RESHAPE, ReshapeAttrs((6,)), [quantized(matrix, "int4[scale=1]", "q")], "f", "f").output)
    assert flat.data.tolist() == [1, 2, 3, -4, 5, 6] and str(flat.format) == "int4[scale=1]"
    reals = make(CONSTANT, ConstantAttrs(np.array([Surd.of(1)], dtype=object)), [], "c", "c").output
    _, info = FoldConstants()(graph_of(quantized(reals, "int4[scale=1]", "q")))
    assert told(info.left) == [("q", "quantize of constants has no folding rule here")], "these are no floats"
    _, info = FoldConstants()(graph_of(make(RESHAPE, ReshapeAttrs((6,)), [codes], "f", "f").output))
    assert told(info.left) == [("f", "reshape of constants has no folding rule here")], "an axis would be lost"


def test_exact_work_is_counted_over_the_pass_and_only_on_constants(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HwgenError, match="computes 1048577 constants"):
        FoldConstants()(graph_of(make(ADD, NO_ATTRS, [constant(np.ones((1 << 20) + 1), "a"), constant(1.0, "b")], "c", "c").output))
    monkeypatch.setattr("passes.transform.fold_constants._MAX_EXACT", 10)

    def sums(*sizes: int) -> Graph:
        made = [
            make(ADD, NO_ATTRS, [constant(np.ones(n), f"a{n}.{k}"), constant(2.0, f"b{k}")], f"c{k}", f"c{k}").output
            for k, n in enumerate(sizes)
        ]
        return graph_of(*made)

    FoldConstants()(sums(10))
    FoldConstants()(sums(5, 5))
    for sizes in ((11,), (6, 5), (5, 5, 1)):
        with pytest.raises(HwgenError, match=f"computes {sizes[-1]} constants"):
            FoldConstants()(sums(*sizes))
    wide = make(ADD, NO_ATTRS, [source(11), constant(1.0, "b")], "y", "y").output
    moved = make(RESHAPE, ReshapeAttrs((11,)), [constant(np.ones((1, 11)), "a")], "m", "m").output
    after, _ = FoldConstants()(graph_of(make(ADD, NO_ATTRS, [wide, moved], "z", "z").output))
    assert sum(n.op == "add" for n in after.nodes) == 2, "what the hardware computes is no work of the pass"


# --- lowering: signs, channels, inputs of codes -----------------------------------------------------------------------


def test_sign_of_zero_is_plus_one() -> None:
    q = quantized(source(5), "int4[scale=1/2]", "q")
    lowered, _ = Lower()(graph_of(quantized(q, "binary[scale=3]", "s")))
    assert at_codes(lowered, [-8, -1, 0, 1, 7]) == [-3, -3, 3, 3, 3]


@pytest.mark.parametrize("shape", [(6,), (6, 1), (2, 3), (1, 6), (3, 2)])
def test_scales_per_channel_are_those_of_the_last_axis_however_it_came_there(shape: tuple[int, ...]) -> None:
    q = quantized(source(*shape), "int8[scale=1]", "q")
    flat = q if shape == (6,) else make(RESHAPE, ReshapeAttrs((1, 6)), [q], "flat", "flat").output
    scales = " ".join(str(2**k) for k in range(6))
    lowered, _ = Lower()(graph_of(quantized(flat, f"int4[scale={scales},axis=1]", "out")))
    codes = np.array([[100, -7, 5, -3, 16, 33]]).reshape(1, *shape)
    got = evaluate(lowered, {"x": codes})[lowered.outputs[0]].ravel().tolist()
    assert got == [7, -8, 4, 0, 16, 32]
    views = sum(n.op == "view" for n in lowered.nodes)
    assert views == 1 + (shape != (6,)), "the codes change their shape only where it is another"


def test_an_input_that_brings_codes_is_taken_as_it_is() -> None:
    x = make(INPUT, InputAttrs((1, 2), parse_quantized("int4[scale=1/2]").integer()), [], "x", "x").output
    lowered, info = Lower()(graph_of(make(RELU, NO_ATTRS, [x], "r", "r").output))
    assert ("x", "comes in as codes of 4 bits") in told(info.changed)
    assert at_codes(lowered, [-8, 7]) == [0, 3.5]
