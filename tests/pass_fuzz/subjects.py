"""What passes run on: random networks at all stages of the way down, numbers for them, and the passes' options."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Final, get_type_hints

import numpy as np

from hwgen.errors import HwgenError
from hwgen.formats import REAL, FloatArray, Integer, parse_quantized
from hwgen.frontend.hls4ml_config import Hls4mlConfig, LayerTypes
from hwgen.ir.graph import Graph, Rewriter, topological
from hwgen.ops.random_real_graph import random_real_graph
from hwgen.ops.real_sampling import random_quantizer
from hwgen.ops.scalar import BATCH_NORM
from hwgen.ops.weights import PRODUCTS
from hwgen.pipeline import Pass, parse_pipeline, run
from pass_fuzz.exact_reals import Array, Real, decoded, reals

_SAMPLES: Final = 3
_LAYER_TYPES: Final = ("fixed<6,2>", "fixed<8,4,trn,wrap>", "ufixed<5,1,rnd>")


def _with_floats(graph: Graph, random: Random) -> Graph:
    """Some quantizers left out, and batch norms behind some products."""
    rewriter = Rewriter(graph)
    for node in graph.nodes:
        if node.op == "quantize" and random.random() < 0.5:
            rewriter.replace(node.output, rewriter[node.inputs[0]])
            continue
        rewriter.copy(node)
        if node.op in PRODUCTS and BATCH_NORM.sample is not None and random.random() < 0.4:
            name = rewriter.name(f"{node.output.name}.norm")
            rewriter.replace(node.output, BATCH_NORM.sample(random, rewriter[node.output], name))
    return rewriter.finish()


def _with_another_output(graph: Graph, random: Random) -> Graph:
    """A value of the midst leaves the graph too, so that it has two uses."""
    computed = [n.output for n in graph.nodes if any(m.op == "input" for m in topological([n.output]))]
    outputs = (*graph.outputs, random.choice(computed))
    return Graph(graph.name, graph.nodes, tuple(dict.fromkeys(outputs)))


@dataclass(frozen=True)
class Subject:
    """A graph and the numbers that go into it.  stage: how far down it is."""

    stage: str
    graph: Graph
    seed: int

    def inputs(self, after: Graph) -> tuple[dict[str, Array], dict[str, Array]]:
        """Samples for this graph and for one that a pass made of it: equal reals, on the grid where that takes codes."""
        rng = np.random.default_rng(self.seed)
        mine: dict[str, Array] = {}
        others: dict[str, Array] = {}
        for value, new in zip(self.graph.inputs, after.inputs, strict=True):
            shape, format_ = (_SAMPLES, *value.type.shape[1:]), new.type.format
            if isinstance(format_, Integer):
                codes = rng.integers(format_.low, format_.high, shape, endpoint=True)
                codes[0], codes[1] = format_.low, format_.high
                if format_.bipolar:
                    codes[2:] = rng.choice([-1, 1], codes[2:].shape)
                others[new.name] = codes
                mine[value.name] = codes if value.type.format is not REAL else decoded(codes, format_)
            else:
                mine[value.name] = others[new.name] = reals(np.rint(rng.normal(0, 64, shape)).astype(object)) * Real(1 / 16)
        return mine, others


def subjects(random: Random, seed: int) -> Iterator[Subject]:
    """One random network at all its stages: imported, prepared, quantized, lowered (as far as it lowers)."""
    graph = random_real_graph(random, random.randint(1, 3))
    floats = random.random() < 0.5
    if floats:
        graph = _with_floats(graph, random)
    if random.random() < 0.3:
        graph = _with_another_output(graph, random)
    yield Subject("imported", graph, seed)
    precision = 'assign-precision{format="fixed<7,3>"}, ' if floats else ""
    steps = {
        "prepared": "fold-constants, fold-scalar-arithmetic, fold-gates, fold-batch-norm",
        "quantized": f"{precision}assign-input-format, fold-constants",
        "lowered": "lower",
    }
    for stage, pipeline in steps.items():
        try:
            graph, _ = run(graph, parse_pipeline(pipeline))
        except HwgenError:
            return  # whether it is right to refuse is judged where each pass runs alone
        yield Subject(stage, graph, seed)


def _random_layer_types(graph: Graph, random: Random) -> Hls4mlConfig:
    """Types of the whole model, of some kinds of layers, and of some layers by name, or none of these."""

    def entry(*roles: str) -> LayerTypes:
        chosen = [role for role in roles if random.random() < 0.5]
        return LayerTypes(tuple((role, random.choice((None, *map(parse_quantized, _LAYER_TYPES)))) for role in chosen))

    by_type = tuple((name, entry("weight", "bias", "scale", "result")) for name in ("Dense", "Conv2D", "BatchNormalization"))
    by_name = tuple((v.producer.path, entry("result", "default")) for v in graph.inputs)
    return Hls4mlConfig("types.yml", "", entry("default"), by_type, by_name, ())


def options(kind: type[Pass], graph: Graph, seed: int) -> dict[str, Any]:
    """Random options of a pass, from the types of its fields."""
    random, rng = Random(f"{seed}/{kind.name}"), np.random.default_rng(seed)
    hints = get_type_hints(kind)
    drawn: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        if hint is bool:
            drawn[field.name] = random.random() < 0.5
        elif hint is str and field.name == "format":
            drawn[field.name] = str(random_quantizer(random, 8.0))
        elif hint == FloatArray | None and len(graph.inputs) == 1:
            drawn[field.name] = random.choice((None, rng.normal(0, 3, (9, *graph.inputs[0].type.shape[1:]))))
        elif hint is Hls4mlConfig:
            drawn[field.name] = _random_layer_types(graph, random)
        elif field.default is dataclasses.MISSING:
            raise NotImplementedError(f"{kind.name}: say here how to draw its option {field.name!r}")
    return drawn
