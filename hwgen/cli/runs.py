"""What `hwgen trace` runs: graphs of models and builds, and samples for both."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hwgen.dataflow.plan import plan
from hwgen.errors import HwgenError
from hwgen.flow import DEFAULT_SAMPLES, BuildOptions, import_model, lower
from hwgen.formats import Integer
from hwgen.ir.graph import Graph
from hwgen.rtl.build_directory import Build
from hwgen.sim.samples import Reals, draw, of_inputs


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


def shared_samples(first: Graph, second: Graph, options: BuildOptions) -> Reals:
    """(samples, …) reals by input name: those given, else codes of the first lowered input decoded, else normal random numbers."""
    samples = options.samples or DEFAULT_SAMPLES
    if options.inputs is not None:
        return of_inputs(options.inputs, first.inputs, "--inputs")
    for graph in (first, second):
        formats = {v.name: v.type.format for v in graph.inputs}
        if all(isinstance(f, Integer) for f in formats.values()):
            codes = draw(plan(graph, ()), samples, options.seed)
            return {name: f.decode(codes[name]) for name, f in formats.items() if isinstance(f, Integer)}
    random = np.random.default_rng(options.seed)
    return {v.name: random.standard_normal((samples, *v.type.shape[1:])) for v in first.inputs}
