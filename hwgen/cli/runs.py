"""What `hwgen trace` runs: graphs of models and builds, and samples for both."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hwgen.errors import HwgenError
from hwgen.flow import BuildOptions, import_model, lower, plan_dataflow
from hwgen.formats import FloatArray, Integer
from hwgen.ir.graph import Graph
from hwgen.rtl.build_directory import Build
from hwgen.sim.samples import draw


def lowered_or_real(path: Path, options: BuildOptions) -> Graph:
    """The lowered graph of a build or a model; the real graph of a model that is not quantized."""
    if path.is_dir():
        return Build(path).graph
    graph = import_model(path)
    try:
        return lower(graph, options).graph
    except HwgenError as error:
        if error.code != "not-quantized":
            raise
        return graph


def shared_samples(first: Graph, second: Graph, options: BuildOptions) -> FloatArray:
    """(samples, …) reals: those given, else codes of the first lowered input decoded, else normal random numbers."""
    if options.inputs is not None:
        return options.inputs
    for graph in (first, second):
        format_ = graph.inputs[0].type.format
        if isinstance(format_, Integer):
            return format_.decode(draw(plan_dataflow(graph), options.samples, options.seed))
    shape = first.inputs[0].type.shape[1:]
    return np.random.default_rng(options.seed).standard_normal((options.samples, *shape))
