"""Zeros in weights: where they go in the model and in the hardware, and that they stay."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from networks import constant, graph_of, mlp, quantized

from hwgen.errors import HwgenError
from hwgen.flow import BuildOptions, lower
from hwgen.ir.graph import NO_ATTRS, Graph
from hwgen.ops.activation import RELU
from hwgen.ops.conv import CONV, RealConvAttrs
from hwgen.ops.conv_transpose import CONV_TRANSPOSE, TransposedAttrs
from hwgen.ops.linear import LINEAR
from hwgen.ops.matvec import MatvecAttrs
from hwgen.ops.record import make
from hwgen.ops.shape import RESHAPE, ReshapeAttrs
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.ops.window_conv import ConvAttrs
from hwgen.pipeline import parse_pipeline
from hwgen.pruning.geometry import hardware_weights
from hwgen.pruning.layers import chosen_layers, masks_of, prunable_layers, with_masks

WEIGHT = "int6[scale=1/16]"


def network(seed: int, weight: str = WEIGHT) -> Graph:
    """Two convolutions, one of them transposed, flattened into a linear layer."""
    dice = np.random.default_rng(seed)
    value = quantized(make(INPUT, InputAttrs((1, 3, 5, 6)), [], "x", "x").output, "int6[scale=1/8]", "x.q")

    def weights(name: str, *shape: int):
        return quantized(constant(dice.normal(0, 1, shape), f"{name}.w"), weight, f"{name}.wq")

    value = make(CONV, RealConvAttrs((1, 1), (1, 1), (1, 1, 1, 1)), [value, weights("conv", 4, 3, 3, 3)], "conv.y", "conv").output
    value = quantized(make(RELU, NO_ATTRS, [value], "conv.r", "conv").output, "uint4[scale=1/2]", "conv.q")
    attrs = TransposedAttrs((2, 2), (1, 1), (0, 0, 0, 0), (0, 0))
    value = make(CONV_TRANSPOSE, attrs, [value, weights("up", 4, 2, 3, 2)], "up.y", "up").output
    value = quantized(value, "int5[scale=1/2]", "up.q")
    size = value.type.elements
    value = make(RESHAPE, ReshapeAttrs((1, size)), [value], "flat", "flat").output
    return graph_of(make(LINEAR, NO_ATTRS, [value, weights("fc", 5, size)], "fc.y", "fc").output)


def integer_weights(graph: Graph) -> dict[str, np.ndarray]:
    """Of each product by path, by group as the hardware has them."""
    found = {}
    for node in lower(graph).graph.nodes:
        match node.attrs:
            case MatvecAttrs(weight):
                found[node.path] = weight.reshape(1, len(weight), -1, node.inputs[0].type.shape[-1])
            case ConvAttrs(weight):
                found[node.path] = weight.reshape(node.attrs.groups, -1, weight.shape[1] * weight.shape[2], weight.shape[3])
            case _:
                pass
    return found


@pytest.mark.parametrize("digit_bits", [14, 5])
def test_the_hardware_has_each_weight_where_the_geometry_says(
    digit_bits: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held against the integers of a network that was really lowered; indices of one digit and of several."""
    monkeypatch.setattr("hwgen.pruning.geometry._DIGIT_BITS", digit_bits)
    graph = network(seed)
    lowered = lower(graph)
    real = {n: n.inputs[1] for n in lowered.quantized.nodes if n.op in ("linear", "conv", "conv_transpose")}
    integers = integer_weights(graph)
    found = hardware_weights(lowered.quantized)
    assert {n.path for n in found} == {"conv", "up", "fc"}
    for node, weight in found.items():
        codes = real[node].producer.attrs.data
        expected = np.append(codes.ravel(), 0)[weight.places]
        np.testing.assert_array_equal(expected, integers[node.path], err_msg=node.path)


@pytest.mark.parametrize("pipeline", ["prune-magnitude{share=0.6}", 'prune-n-m{pattern="1:3"}', "prune-blocks{share=0.5}"])
def test_zeros_stay_through_quantizers_text_and_lowering(pipeline: str, seed: int) -> None:
    from hwgen.ir.text import parse_graph, print_graph
    from hwgen.ops.table import ATTRS

    (one,) = parse_pipeline(pipeline)
    pruned, info = one(network(seed))
    assert {note.where for note in info.changed} == {"conv", "up", "fc"}
    masks = masks_of(pruned)
    assert set(masks) == {"conv.w", "up.w", "fc.w"}
    read = masks_of(parse_graph(print_graph(pruned), ATTRS))
    assert all((read[name] == mask).all() for name, mask in masks.items())
    before, after = integer_weights(network(seed)), integer_weights(pruned)
    for path, weight in after.items():
        assert (weight == 0).sum() > (before[path] == 0).sum()
        assert ((weight == before[path]) | (weight == 0)).all(), "what stays is as it was"


def test_layers_are_chosen_by_name_and_near_ones_are_suggested(seed: int) -> None:
    (one,) = parse_pipeline('prune-magnitude{share=0.5, layers="conv up"}')
    assert set(masks_of(one(network(seed))[0])) == {"conv.w", "up.w"}
    with pytest.raises(HwgenError, match="did you mean conv"):
        chosen_layers(network(seed), ["convo"])


def test_weights_without_a_zero_are_left_with_the_reason() -> None:
    graph = mlp((6, 5, 4), 1, weight="binary[scale=1/2]")
    assert all("cannot be 0" in why for why in prunable_layers(graph)[1].values())
    with pytest.raises(HwgenError, match="no layer that can be pruned"):
        chosen_layers(graph, ())
    with pytest.raises(HwgenError, match="cannot be 0"):
        chosen_layers(graph, ["fc1"])


def test_a_lowered_model_is_refused() -> None:
    with pytest.raises(HwgenError, match="is lowered already"):
        prunable_layers(lower(mlp((4, 3), 1)).graph)


def test_codes_that_stand_for_zero_are_written_where_the_zero_point_is_not_zero(random: Random) -> None:
    from hwgen.flow import run_passes

    graph, _ = run_passes(mlp((8, 6, 4), 2, weight="uint4[scale=1/8,zero=7]"), "fold-constants")
    layers = chosen_layers(graph, ())
    masks = [(layer, np.arange(layer.weight.size).reshape(layer.weight.shape) % 2 == 0) for layer in layers]
    pruned = with_masks(graph, masks)
    for layer, (_, mask) in zip(chosen_layers(pruned, ()), masks, strict=True):
        assert not layer.weight[~mask].any()
        assert set(layer.constant.attrs.data[~mask]) == {7}


def test_an_option_of_the_build_decides_the_blocks() -> None:
    from hwgen.pruning.blocks import layer_blocks

    graph = mlp((12, 8, 4), 1)
    (first, second), left = layer_blocks(graph, chosen_layers(graph, ()), BuildOptions(parallelism="fc1=3x2,fc2=full"))
    assert (str(first.lanes), first.places.shape, left) == ("3x2", (1, 4, 4, 6), ())
    assert (str(second.lanes), second.places.shape) == ("8x4", (1, 1, 1, 32))
