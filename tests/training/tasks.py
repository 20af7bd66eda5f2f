"""Small models and data for tests of training and calibration, made from a seed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from hwgen.data import Dataset
from hwgen.formats import parse_quantized
from hwgen.ir.graph import NO_ATTRS, Graph, Value, topological
from hwgen.numerics.surd import Surd
from hwgen.ops.activation import RELU
from hwgen.ops.classify import SOFTMAX, SoftmaxAttrs
from hwgen.ops.linear import LINEAR
from hwgen.ops.quantize import QUANTIZE, QuantizeAttrs
from hwgen.ops.real_sampling import constant
from hwgen.ops.record import make
from hwgen.ops.scalar import BATCH_NORM, BatchNormAttrs
from hwgen.ops.source import INPUT, InputAttrs


def blobs(samples: int, seed: int, *, inputs: int = 6, classes: int = 3) -> Dataset:
    """Points around one centre a class, on a grid of sixteenths; the classes overlap a little."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(5).normal(0, 1.2, (classes, inputs))
    labels = random.integers(0, classes, samples)
    points = centres[labels] + random.normal(0, 0.7, (samples, inputs))
    return Dataset({"x": (np.rint(points * 16) / 16).astype(np.float32)}, labels)


def curve(samples: int, seed: int) -> Dataset:
    """A smooth function of six numbers."""
    x = np.random.default_rng(seed).uniform(-1, 1, (samples, 6)).astype(np.float32)
    return Dataset({"x": x}, (np.maximum(x[:, 0] + x[:, 1], 0) - 0.5 * x[:, 2]).astype(np.float32))


def quantized(value: Value, text: str, name: str) -> Value:
    return make(QUANTIZE, QuantizeAttrs(parse_quantized(text)), [value], name, name).output


def network(
    sizes: tuple[int, ...] = (6, 12, 3), *, weight: str | None = "int4[scale=1/8]", act: str | None = "uint4[scale=1/4]",
    norm: bool = False, softmax: bool = False, seed: int = 3,
) -> Graph:
    """x → (fc → [bn] → relu) … → fc [→ softmax]; quantized as told, or float where a format is None."""
    data = np.random.default_rng(seed)
    x = make(INPUT, InputAttrs((1, sizes[0])), [], "x", "x").output
    value = quantized(x, "fixed<8,4>", "x.q") if act else x
    for layer, (inputs, outputs) in enumerate(pairwise(sizes), 1):
        w = constant(data.normal(0, inputs**-0.5, (outputs, inputs)).astype(np.float32), f"fc{layer}.weight")
        b = constant(data.normal(0, 0.1, outputs).astype(np.float32), f"fc{layer}.bias")
        used = quantized(w, weight, f"fc{layer}.weight.q") if weight else w
        value = make(LINEAR, NO_ATTRS, [value, used, b], f"fc{layer}", f"fc{layer}").output
        if layer == len(sizes) - 1:
            break
        if norm:
            ones, none = (tuple(Surd.of(v) for _ in range(outputs)) for v in (1, 0))
            attrs = BatchNormAttrs(ones, none, none, ones, Surd.of(1e-5), 1)
            value = make(BATCH_NORM, attrs, [value], f"bn{layer}", f"bn{layer}").output
        value = make(RELU, NO_ATTRS, [value], f"relu{layer}", f"relu{layer}").output
        if act:
            value = quantized(value, act, f"act{layer}")
    if softmax:
        value = make(SOFTMAX, SoftmaxAttrs(), [value], "softmax", "softmax").output
    return Graph("net", topological([value], [x.producer]), (value,))
