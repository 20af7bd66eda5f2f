"""A small trained network, and how far a quantized graph is from it."""

from __future__ import annotations

from functools import cache

import numpy as np

from hwgen.data import Dataset
from hwgen.formats import Quantized
from hwgen.ir.graph import Graph, Rewriter
from hwgen.ops.quantize import QUANTIZE, QuantizeAttrs
from hwgen.ops.record import make
from hwgen.ops.run import evaluate
from hwgen.ops.weights import PRODUCTS
from hwgen.training.train import TrainOptions, train
from tests.training.tasks import blobs, network

CALIBRATION = blobs(256, 8)
TEST = blobs(512, 9)


@cache
def trained() -> Graph:
    """6-24-16-3, in float."""
    graph = network((6, 24, 16, 3), weight=None, act=None)
    return train(graph, blobs(600, 7), TrainOptions(epochs=15, learning_rate=0.01)).graph


def with_formats(graph: Graph, weight: Quantized | None, act: Quantized | None = None) -> Graph:
    """The graph with quantizers at weights, and at what enters each product."""
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        rewriter.copy(node)
        if node.op not in PRODUCTS:
            continue
        inputs = [rewriter[v] for v in node.inputs]
        for index, format_ in ((0, act), (1, weight)):
            if format_ is not None:
                name = rewriter.name(f"{inputs[index].name}.q")
                inputs[index] = make(QUANTIZE, QuantizeAttrs(format_), [inputs[index]], name, name).output
        rewriter.replace(node.output, node.with_inputs(inputs).output)
    return rewriter.finish()


def output(graph: Graph, data: Dataset) -> np.ndarray:
    """In float64."""
    inputs = {name: array.astype(np.float64) for name, array in data.inputs.items()}
    return evaluate(graph, inputs, graph.outputs)[graph.outputs[0]]


def distance(graph: Graph, data: Dataset = TEST) -> float:
    """Mean square difference of the outputs from those in float."""
    return float(((output(graph, data) - output(trained(), data)) ** 2).mean())
