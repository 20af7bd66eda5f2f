"""A small build, and what synthesis says of it for each family: made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.cost.area import Target
from hwgen.flow import BuildOptions, lower, plan_dataflow
from hwgen.ir.graph import Graph
from hwgen.ops.run import evaluate
from hwgen.rtl.build_directory import Build, emit
from hwgen.sim.samples import draw
from hwgen.synth.record import Synthesis
from hwgen.synth.yosys import synthesize
from tests.branching import branching
from tests.networks import mlp


@pytest.fixture(scope="session")
def build_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of two layers: the first one's weights in block memory, the second one's in LUTs."""
    return emitted(tmp_path_factory, lower(mlp((48, 48, 3), 1)).graph, "fc1=2x1,fc2=4x1")


@pytest.fixture(scope="session")
def branching_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of branches, with two inputs and two outputs."""
    return emitted(tmp_path_factory, branching(1), "2x2")


def emitted(tmp_path_factory: pytest.TempPathFactory, graph: Graph, parallelism: str) -> Path:
    """A build directory of a lowered graph."""
    folder = tmp_path_factory.mktemp("synth") / "small"
    flow = plan_dataflow(graph, BuildOptions(parallelism=parallelism))
    emit(graph, flow, folder, source_sha256="0" * 64, values=evaluate(graph, draw(flow, 16, 1)))
    return folder


@pytest.fixture(scope="session", params=list(Target))
def result(request: pytest.FixtureRequest, build_dir: Path) -> Synthesis:
    """Of the build, with its netlist simulated."""
    return synthesize(Build(build_dir), request.param, netlist_samples=20, seed=1)
