"""Channels that are removed: the smaller network computes what the larger one does with these channels silent."""

from __future__ import annotations

import numpy as np
import pytest
from networks import constant, graph_of, mlp, quantized

from hwgen.errors import HwgenError
from hwgen.flow import lower
from hwgen.ir.graph import NO_ATTRS, Graph, Value
from hwgen.numerics.surd import Surd
from hwgen.ops.activation import PRELU, RELU, PReluAttrs
from hwgen.ops.arithmetic import ADD
from hwgen.ops.conv import CONV, RealConvAttrs
from hwgen.ops.linear import LINEAR
from hwgen.ops.pool import MAX_POOL, RealPoolAttrs
from hwgen.ops.record import make
from hwgen.ops.run import evaluate
from hwgen.ops.scalar import BATCH_NORM, BatchNormAttrs
from hwgen.ops.shape import RESHAPE, ReshapeAttrs
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.pipeline import pass_of
from hwgen.pruning.channels import refusal, without_channels
from hwgen.pruning.layers import chosen_layers


def surds(values: np.ndarray) -> tuple[Surd, ...]:
    return tuple(Surd.of(float(v)) for v in values)


def network(seed: int, *, shortcut: bool = False) -> Graph:
    """Convolution, batch norm, depthwise, pool, linear layers, scales a channel.  shortcut: a sum around the depthwise one."""
    dice = np.random.default_rng(seed)

    def weights(name: str, *shape: int) -> Value:
        scales = " ".join(f"1/{k + 8}" for k in range(shape[0]))
        return quantized(constant(dice.normal(0, 1, shape), f"{name}.w"), f"int6[scale={scales},axis=0]", f"{name}.wq")

    value = quantized(make(INPUT, InputAttrs((1, 2, 6, 6)), [], "x", "x").output, "int6[scale=1/8]", "x.q")
    bias = constant(dice.normal(0, 1, 5), "conv.b")
    operands = [value, weights("conv", 5, 2, 3, 3), bias]
    value = make(CONV, RealConvAttrs((1, 1), (1, 1), (0, 0, 0, 0)), operands, "conv.y", "conv").output
    norm = BatchNormAttrs(*(surds(dice.uniform(0.5, 2, 5)) for _ in range(4)), Surd.of(0.0), axis=1)
    value = make(BATCH_NORM, norm, [value], "bn.y", "bn").output
    value = make(PRELU, PReluAttrs(surds(dice.uniform(0, 1, 5)), axis=1), [value], "prelu.y", "prelu").output
    value = around = quantized(value, "int6[scale=1/4]", "conv.q")
    value = make(CONV, RealConvAttrs((1, 1), (1, 1), (1, 1, 1, 1), 5), [value, weights("dw", 5, 1, 3, 3)], "dw.y", "dw").output
    value = quantized(value, "int6[scale=1/4]", "dw.q")
    if shortcut:
        value = quantized(make(ADD, NO_ATTRS, [value, around], "sum.y", "sum").output, "int6[scale=1/4]", "sum.q")
    value = make(MAX_POOL, RealPoolAttrs((2, 2), (2, 2), (1, 1), (0, 0, 0, 0)), [value], "pool.y", "pool").output
    value = make(RESHAPE, ReshapeAttrs((1, 20)), [value], "flat.y", "flat").output
    value = make(LINEAR, NO_ATTRS, [value, weights("fc1", 6, 20), constant(dice.normal(0, 1, 6), "fc1.b")], "fc1.y", "fc1").output
    value = quantized(make(RELU, NO_ATTRS, [value], "fc1.r", "fc1").output, "uint5[scale=1/2]", "fc1.q")
    return graph_of(make(LINEAR, NO_ATTRS, [value, weights("fc2", 3, 6)], "fc2.y", "fc2").output)


def test_the_rest_computes_what_it_did_without_the_channels(seed: int) -> None:
    """Beside the whole network, in which nothing is taken of the channels that go."""
    graph = network(seed)
    layers = {layer.path: layer for layer in chosen_layers(graph, ())}
    kept = {layers["conv"].node: np.array([0, 2, 3]), layers["fc1"].node: np.array([1, 2, 5])}
    small = without_channels(graph, kept)
    shapes = {n.path: n.inputs[1].type.shape for n in small.nodes if n.op in ("conv", "linear")}
    assert shapes == {"conv": (3, 2, 3, 3), "dw": (3, 1, 3, 3), "fc1": (3, 12), "fc2": (3, 3)}
    silent = {"fc1": [c * 4 + k for c in (1, 4) for k in range(4)], "fc2": [0, 3, 4]}
    masks = []
    for path, columns in silent.items():
        mask = np.ones(layers[path].weight.shape, dtype=np.bool_)
        mask[:, columns] = False
        masks.append((layers[path], mask))
    from hwgen.pruning.layers import with_masks

    whole = with_masks(graph, masks)
    x = {"x": np.random.default_rng(seed).uniform(-4, 4, (20, 2, 6, 6))}
    (a,), (b,) = (list(evaluate(g, x, g.outputs).values()) for g in (small, whole))
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-9)
    lower(small)


def test_the_pass_keeps_the_greatest_and_says_what_it_left(seed: int) -> None:
    graph = network(seed)
    small, info = pass_of("prune-channels", share=0.5)(graph)
    layers = {layer.path: layer for layer in chosen_layers(graph, ())}
    norms = np.square(layers["fc1"].weight).sum(axis=1)
    made = next(n for n in small.nodes if n.path == "fc1" and n.op == "linear")
    assert made.inputs[1].type.shape[0] == 3
    after = {layer.path: layer for layer in chosen_layers(small, ())}
    kept = np.sort(np.argsort(norms)[3:])
    assert after["fc2"].weight.tolist() == layers["fc2"].weight[:, kept].tolist()
    left = {note.where: note.what for note in info.left}
    assert "in groups" in left["dw"] and "output of the model" in left["fc2"]


def test_a_sum_of_two_values_keeps_their_channels(seed: int) -> None:
    graph = network(seed, shortcut=True)
    (conv,) = chosen_layers(graph, ["conv"])
    assert refusal(graph, conv.node) == "add 'sum' joins them with those of another value"
    with pytest.raises(HwgenError, match="joins them"):
        pass_of("prune-channels", share=0.5, layers="conv")(graph)
    with pytest.raises(HwgenError, match="joins them"):
        without_channels(graph, {conv.node: np.array([0])})
    small, _ = pass_of("prune-channels", share=0.5)(graph)
    assert next(n for n in small.nodes if n.path == "fc1" and n.op == "linear").inputs[1].type.shape == (3, 20)


def test_a_model_of_one_layer_has_no_channels_to_lose() -> None:
    with pytest.raises(HwgenError, match="no layer whose channels can go"):
        pass_of("prune-channels", share=0.5)(mlp((4, 3), 1))
