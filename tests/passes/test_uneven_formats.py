"""Networks whose weights are minifloats, powers of two or blocks: folded and lowered without loss, or refused with the reason."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from nearest import Nearest, minifloat_words
from uneven import SIZES, network, quantized

from hwgen.errors import HwgenError
from hwgen.flow import Lowered, lower
from hwgen.formats import REAL, Integer
from hwgen.ir.text import parse_graph, print_graph
from hwgen.ops.record import make
from hwgen.ops.run import evaluate, host_outputs
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.ops.table import ATTRS

WEIGHTS = (
    "minifloat<3,2>", "minifloat<4,3>", "float8_e4m3fn", "minifloat<3,2>[scale=5/8]",
    "minifloat<3,2>[scale=1 1/2 1/4 1 1 1 3 1,axis=0]",
    "log<3,bias=7>", "log<4,zero>", "mxint<4,4,8>", "mxint8", "mxint<5,8,8>[axis=0]", "mxfp4<e2m1,16>", "mxfp6<e3m2>",
    "bminifloat<2,1,4,16>", "blog<3,6,16,zero>",
)
def outputs(lowered: Lowered, x: np.ndarray) -> np.ndarray:
    codes = {name: f.quantize(x) for name, f in lowered.quantizers.items()}
    return host_outputs(lowered.graph, evaluate(lowered.graph, codes))[0]


@pytest.mark.parametrize("weight", WEIGHTS)
def test_the_integer_network_is_the_real_one(weight: str, seed: int) -> None:
    graph = network(weight, weight, seed=seed)
    x = np.random.default_rng(seed).normal(0, 4, (100, SIZES[0])).astype(np.float32)
    ours, real = outputs(lower(graph), x), evaluate(graph, {"x": x.astype(np.float64)})[graph.outputs[0]]
    assert np.array_equal(ours, real), "all are sums of few dyadic numbers, which float64 holds"


@pytest.mark.parametrize("weight", WEIGHTS)
def test_the_text_of_a_graph_reads_back(weight: str) -> None:
    text = print_graph(network(weight, "mxint<4,4,8>[axis=-1]"))
    assert print_graph(parse_graph(text, ATTRS)) == text


def test_an_input_of_minifloats_comes_in_as_codes_of_its_grid(seed: int) -> None:
    graph = network("int4[scale=1/8]", source="minifloat<3,2>")
    x = np.random.default_rng(seed).normal(0, 4, (100, SIZES[0])).astype(np.float32)
    lowered = lower(graph)
    assert np.array_equal(outputs(lowered, x), evaluate(graph, {"x": x.astype(np.float64)})[graph.outputs[0]])


ACTIVATIONS = (
    "minifloat<3,2>", "minifloat<4,3>", "minifloat<2,1,nosub>", "minifloat<4,2,denormed>", "minifloat<3,2>[scale=3/4]",
    "minifloat<3,2>[scale=1 1/2 1/4 1 1 1 3 1,axis=-1]", "log<3>", "log<3,bias=7>", "log<3,zero>", "float8_e4m3fn",
    "mxint<4,4,8>", "mxint<4,4,3>", "mxint8", "mxint<5,2,4>", "mxfp4<e2m1,16>", "bminifloat<2,1,4,16>", "blog<3,6,4,zero>",
    "blog<3,2,4>",
)


@pytest.mark.parametrize("between", ACTIVATIONS)
def test_computed_values_become_the_nearest_members(between: str, seed: int) -> None:
    graph = network("int4[scale=1/8]", "int4[scale=1/8]", between=between, seed=seed)
    x = np.random.default_rng(seed).normal(0, 4, (200, SIZES[0])).astype(np.float32)
    lowered = lower(graph)
    assert np.array_equal(outputs(lowered, x), evaluate(graph, {"x": x.astype(np.float64)})[graph.outputs[0]])


def test_values_between_the_grids_are_counted_by_borders(seed: int) -> None:
    """Scales that no power of two is a multiple of: against the nearest member of each exact value."""
    graph = network("int4[scale=1/8]", "int4[scale=1/8]", source="int8[scale=1/3]", between="minifloat<3,2>", seed=seed)
    codes = np.random.default_rng(seed).integers(-128, 128, (300, SIZES[0]))
    lowered = lower(graph).graph
    made = next(n.output for n in lowered.nodes if n.op == "table")
    assert {"requant_threshold"} <= {n.op for n in lowered.nodes} and isinstance(made.type.format, Integer)
    before = next(v for v in graph.values() if v.name == "fc0.r")
    floats = evaluate(graph, {"x": codes / 3})[before]
    nearest, unit = Nearest(minifloat_words(3, 2, 3)), made.type.format.scale[0].rational
    grid = 3 * 8 * 512  # of scale, weights and biases: what floats of it are near to is what they stand for
    assert unit is not None
    for value, code in zip(floats.ravel(), evaluate(lowered, {"x": codes})[made].ravel(), strict=True):
        assert int(code) * unit == nearest(Fraction(round(float(value) * grid), grid))


@pytest.mark.parametrize(("format_", "fix"), [("mxint<4,4,8>", "put a fixed"), ("minifloat<5,6>", "put a fixed")])
def test_what_lies_on_no_common_grid_is_refused_with_a_way_out(format_: str, fix: str) -> None:
    with pytest.raises(HwgenError, match=rf"quantize 'fc0.q'.*power-of-two grid.*{fix}"):
        lower(network("int4", "int4", source="int8[scale=1/3]", between=format_))


@pytest.mark.parametrize(("format_", "why"), [("minifloat<4,3,ieee,inf>", "overflow"), ("minifloat<4,3,trn>", "nearest")])
def test_overflow_and_other_roundings_of_computed_values_are_refused(format_: str, why: str) -> None:
    with pytest.raises(HwgenError, match=rf"quantize 'fc0.q'.*{why}"):
        lower(network("int4", "int4", between=format_))


@pytest.mark.parametrize(("format_", "why"), [("mxint8", "scales depend on the data"), ("bfloat16", "more than 62 bits")])
def test_inputs_without_integer_codes_are_refused_by_name(format_: str, why: str) -> None:
    with pytest.raises(HwgenError, match=rf"input 'x'.*{why}"):
        lower(network("int4", source=format_))


def test_weights_too_wide_for_the_multipliers_are_refused_with_a_way_out() -> None:
    with pytest.raises(HwgenError, match=r"linear 'fc0'.*bits \(limit 16\).*fewer exponent bits"):
        lower(network("minifloat<6,9>"))


def test_rows_of_different_size_are_each_on_their_own_grid() -> None:
    graph = network("mxint8")
    node = next(n for n in graph.nodes if n.path == "fc0.w")
    data: np.ndarray = node.attrs.data  # pyright: ignore[reportAttributeAccessIssue]
    data *= np.exp2(-3 * np.arange(SIZES[1]))[:, None].astype(np.float32)
    x = np.random.default_rng(1).normal(0, 4, (50, SIZES[0])).astype(np.float32)
    assert np.array_equal(outputs(lower(graph), x), evaluate(graph, {"x": x.astype(np.float64)})[graph.outputs[0]])


@pytest.mark.parametrize(("axis", "why"), [(2, "axis 2 of a tensor of shape"), (0, "that of the samples")])
def test_blocks_along_no_axis_of_the_tensor_are_refused(axis: int, why: str) -> None:
    value = make(INPUT, InputAttrs((1, 8), REAL), [], "x", "x").output
    with pytest.raises(HwgenError, match=why):
        quantized(value, f"mxint8[axis={axis}]", "x.q")
