"""Passes on random graphs: what each promises about the values, idempotence, accounts, and pipelines as text."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from networks import constant, graph_of, mlp, quantized, random_sizes

from hwgen.errors import HwgenError
from hwgen.formats import REAL
from hwgen.ir.graph import NO_ATTRS, Graph, topological
from hwgen.ir.text import parse_graph, print_graph
from hwgen.numerics.surd import Surd
from hwgen.ops.activation import RELU
from hwgen.ops.arithmetic import ADD, DIV, MUL, SUB
from hwgen.ops.classify import ARGMAX_REAL
from hwgen.ops.functions import SIGMOID
from hwgen.ops.linear import LINEAR
from hwgen.ops.record import make
from hwgen.ops.run import evaluate
from hwgen.ops.scalar import BATCH_NORM, SCALE_BIAS, BatchNormAttrs, ScaleBiasAttrs
from hwgen.ops.shape import RESHAPE, ReshapeAttrs
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.ops.table import ATTRS
from hwgen.pipeline import Effect, known_passes, parse_pipeline, run
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

EXACT = (FoldConstants(), FoldScalarArithmetic())


def float_network(seed: int) -> Graph:
    """A float layer, scalar arithmetic in both orders, a batch norm, another layer."""
    numbers, random = np.random.default_rng(seed), Random(seed)
    inputs, outputs = random.randint(1, 6), random.randint(1, 6)
    source = make(INPUT, InputAttrs((1, inputs)), [], "x", "x").output
    value = source
    for at, op in enumerate(random.choices((ADD, SUB, MUL, DIV), k=4)):
        other = constant(numbers.uniform(0.5, 2.0, random.choice(((), (1,), (inputs,)))), f"c{at}")
        order = [value, other] if op is DIV or random.random() < 0.5 else [other, value]
        value = make(op, NO_ATTRS, order, f"v{at}", f"step{at}").output
    weight, bias = constant(numbers.normal(size=(outputs, inputs)), "w"), constant(numbers.normal(size=outputs), "b")
    value = make(LINEAR, NO_ATTRS, [value, weight, bias], "fc", "fc").output
    gamma, beta, mean, variance = (tuple(Surd.of(float(v)) for v in numbers.uniform(0.3, 2, outputs)) for _ in range(4))
    value = make(BATCH_NORM, BatchNormAttrs(gamma, beta, mean, variance, Surd.of(1e-5)), [value], "bn", "bn").output
    return Graph("float", topological([value], [source.producer]), (value,))


def outputs(graph: Graph, seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    x = np.random.default_rng(seed).normal(0, 3, (30, *graph.inputs[0].type.shape[1:]))
    return evaluate(graph, {graph.inputs[0].name: x})[graph.outputs[0]]


def test_float_close_and_exact_passes_keep_the_values(seed: int) -> None:
    for number in range(30):
        graph = float_network(seed + number)
        before = outputs(graph, number)
        for one in (*EXACT, FoldBatchNorm()):
            graph, info = one(graph)
            assert info.effect in (Effect.EXACT, Effect.FLOAT_CLOSE)
            np.testing.assert_allclose(outputs(graph, number), before, rtol=1e-9, atol=1e-9)
        assert not any(n.op in ("add", "sub", "mul", "div", "batch_norm") for n in graph.nodes)


def test_exact_passes_are_idempotent(seed: int) -> None:
    for number in range(10):
        for graph in (float_network(seed + number), mlp(random_sizes(Random(seed + number)), seed + number)):
            for one in EXACT:
                once, _ = one(graph)
                twice, info = one(once)
                assert print_graph(once) == print_graph(twice)
                assert not info.changed


def test_a_pass_leaves_what_it_was_given() -> None:
    graph = float_network(3)
    text = print_graph(graph)
    run(graph, [*EXACT, FoldBatchNorm(), AssignInputFormat(), AssignPrecision("fixed<8,3>"), FoldConstants(), Lower()])
    assert print_graph(graph) == text


def test_lowering_is_exact_and_its_graph_survives_the_text_form(seed: int) -> None:
    for number in range(10):
        graph, _ = run(mlp(random_sizes(Random(seed + number)), seed + number), [*EXACT, AssignInputFormat()])
        lowered, _ = Lower()(graph)
        codes = np.random.default_rng(number).integers(-128, 128, (40, *lowered.inputs[0].type.shape[1:]))
        ours = evaluate(lowered, {"x": codes})[lowered.outputs[0]]
        theirs = evaluate(graph, {"x": codes / 16})[graph.outputs[0]]
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)
        assert print_graph(parse_graph(print_graph(lowered), ATTRS)) == print_graph(lowered)


def test_argmax_on_chip_decides_as_the_reals_do(seed: int) -> None:
    graph, _ = run(mlp((6, 9, 5), seed), [*EXACT, AssignInputFormat()])
    decided, _ = run(graph, [ArgmaxOnChip(), Lower()])
    codes = np.random.default_rng(seed).integers(-128, 128, (300, 6))
    ours = evaluate(decided, {"x": codes})[decided.outputs[0]].ravel()
    logits = evaluate(graph, {"x": codes / 16})[graph.outputs[0]]
    np.testing.assert_array_equal(ours, logits.argmax(axis=1))


def test_calibration_gives_the_fewest_integer_bits_that_hold_the_data() -> None:
    graph, _ = run(float_network(5), [*EXACT, FoldBatchNorm()])
    data = np.random.default_rng(0).normal(0, 20, (100, *graph.inputs[0].type.shape[1:]))
    quantized, _ = AssignPrecision("fixed<8,3>", data)(graph)
    formats = [n.output.type.format for n in quantized.nodes if n.op == "quantize"]
    entering = next(n for n in quantized.nodes if n.op == "linear").inputs[0]
    largest = float(np.abs(evaluate(graph, {"x": data})[next(n for n in graph.nodes if n.op == "linear").inputs[0]]).max())
    high = getattr(entering.type.format, "integer_bits", 0) - 1
    assert largest <= 2.0**high
    assert largest > 2.0 ** (high - 1)
    assert all(f is not REAL for f in formats)


def test_infer_ranges_changes_nothing_and_names_every_value() -> None:
    lowered, _ = run(mlp((4, 5, 3), 1), [*EXACT, AssignInputFormat(), Lower()])
    after, info = InferRanges()(lowered)
    assert after is lowered
    assert {n.where for n in info.left} >= {"fc1.y.accumulator", "fc1.q", "fc2.y.accumulator"}


def test_every_pass_is_found_by_name_and_reads_back_from_text() -> None:
    assert {p.name for p in (*EXACT, FoldBatchNorm(), Lower(), InferRanges())} <= set(known_passes())
    one, other = parse_pipeline('fold-constants, assign-precision{format="fixed<8,3>"}')
    assert (one, other) == (FoldConstants(), AssignPrecision("fixed<8,3>"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("fold-constant", "did you mean fold-constants"),
        ("assign-precision{formt=3}", "no option 'formt'"),
        ("fold-constants fold-constants", "comma"),
        ("fold-constants{", "comma"),
        ("{}", "not a pass"),
    ],
)
def test_a_wrong_pipeline_is_refused(text: str, says: str) -> None:
    with pytest.raises(HwgenError, match=says):
        parse_pipeline(text)


# --- found by running every pass on random graphs ---------------------------------------------------------------------


def test_argmax_of_a_reshaped_value_looks_at_all_classes() -> None:
    source = make(INPUT, InputAttrs((1, 2, 3)), [], "x", "x").output
    flat = make(RESHAPE, ReshapeAttrs((1, 6)), [quantized(source, "int8[scale=1]", "q")], "flat", "flat").output
    lowered, _ = Lower()(graph_of(make(ARGMAX_REAL, NO_ATTRS, [flat], "best", "best").output))
    codes = np.random.default_rng(0).integers(-128, 128, (50, 2, 3))
    best = evaluate(lowered, {"x": codes})[lowered.outputs[0]]
    np.testing.assert_array_equal(best, codes.reshape(50, 6).argmax(axis=1)[:, None])


def test_a_tie_at_an_irrational_zero_is_decided_exactly() -> None:
    source = make(INPUT, InputAttrs((1, 1)), [], "x", "x").output
    codes = quantized(source, "uint4[scale=1,zero=7]", "q")
    root = ScaleBiasAttrs((Surd.parse("1*sqrt(2)"),), (Surd.of(0),))
    scaled = make(SCALE_BIAS, root, [codes], "scaled", "scaled").output
    half = make(SIGMOID, NO_ATTRS, [scaled], "sigmoid", "sigmoid").output
    lowered, _ = Lower()(graph_of(quantized(half, "uint4[scale=1,rounding=rnd_inf]", "out")))
    levels = evaluate(lowered, {"x": np.array([[6], [7], [8]])})[lowered.outputs[0]]
    assert levels.ravel().tolist() == [0, 1, 1]


def test_a_name_that_the_model_has_already_is_not_given_again() -> None:
    source = make(INPUT, InputAttrs((1, 2)), [], "x", "x").output
    named = make(RELU, NO_ATTRS, [quantized(source, "int4[scale=1]", "x.input")], "x.real", "x").output
    again, _ = AssignInputFormat("fixed<8,4>", override=True)(graph_of(named))
    run(again, [Lower()])
    once, _ = AssignInputFormat()(graph_of(make(RELU, NO_ATTRS, [source], "x.input", "relu").output))
    assert len({v.name for v in once.values()}) == len(list(once.values()))


def test_an_input_in_two_formats_is_refused_until_it_has_one() -> None:
    source = make(INPUT, InputAttrs((1, 2)), [], "x", "x").output
    both = make(ADD, NO_ATTRS, [quantized(source, f"int4[scale={s}]", f"q{s}") for s in (1, 2)], "y", "y").output
    with pytest.raises(HwgenError, match="several number formats"):
        Lower()(graph_of(both))
    with pytest.raises(HwgenError, match="several number formats"):
        Lower()(graph_of(quantized(source, "int4[scale=1]", "q"), source))


def test_an_input_that_nothing_uses_stays() -> None:
    unused = make(INPUT, InputAttrs((1, 2)), [], "unused", "unused").output
    one = constant([1.0], "one")
    graph = Graph("small", topological([one], [unused.producer]), (one,))
    after, _ = AssignInputFormat()(graph)
    assert [v.name for v in after.inputs] == ["unused"]


def test_arithmetic_of_two_scalar_constants_is_left_to_constant_folding() -> None:
    product = make(MUL, NO_ATTRS, [constant(2.0, "a"), constant([3.0], "b")], "ab", "ab").output
    source = make(INPUT, InputAttrs((1, 2)), [], "x", "x").output
    graph = graph_of(make(MUL, NO_ATTRS, [source, product], "y", "y").output)
    left, info = FoldScalarArithmetic()(graph)
    assert [n.where for n in info.left] == ["ab", "y"]
    folded, _ = run(left, EXACT)
    assert [n.op for n in folded.nodes] == ["input", "scale_bias"]


def test_a_quantized_scalar_constant_has_a_text_form() -> None:
    scalar = quantized(constant(0.7, "c"), "int8[scale=1/8]", "q")
    source = make(INPUT, InputAttrs((1, 2)), [], "x", "x").output
    folded, _ = FoldConstants()(graph_of(make(ADD, NO_ATTRS, [source, scalar], "y", "y").output))
    assert print_graph(parse_graph(print_graph(folded), ATTRS)) == print_graph(folded)


def test_what_is_lowered_stays_as_it_is() -> None:
    lowered, _ = run(mlp((4, 5, 3), 1), [*EXACT, AssignInputFormat(), Lower()])
    again, info = Lower()(lowered)
    assert again is lowered
    assert not info.changed
    with pytest.raises(HwgenError, match="before lowering"):
        AssignPrecision("fixed<8,3>")(lowered)


@pytest.mark.parametrize("shape", [(1, 3, 4, 4), (1, 3, 4, 3)])
def test_an_input_with_scales_along_another_axis_than_the_last_is_refused(shape: tuple[int, ...]) -> None:
    image = make(INPUT, InputAttrs(shape), [], "image", "image").output
    codes = quantized(image, "int4[scale=1/2 1/4 1/8,axis=1]", "image.q")
    with pytest.raises(HwgenError, match="input 'image': is quantized with scales that vary along axis 1"):
        Lower()(graph_of(quantized(codes, "uint4[scale=1/4]", "y")))
