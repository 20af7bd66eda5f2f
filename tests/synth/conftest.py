"""A small build, and what synthesis says of it for each family: made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.cost.area import Target
from hwgen.flow import BuildOptions, lower, plan_dataflow
from hwgen.ops.run import evaluate
from hwgen.rtl.build_directory import Build, emit
from hwgen.sim.samples import draw
from hwgen.synth.record import Synthesis
from hwgen.synth.yosys import synthesize
from tests.networks import mlp


@pytest.fixture(scope="session")
def build_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of two layers: the first one's weights in block memory, the second one's in LUTs."""
    folder = tmp_path_factory.mktemp("synth") / "small"
    lowered = lower(mlp((48, 48, 3), 1)).graph
    flow = plan_dataflow(lowered, BuildOptions(parallelism="fc1=2x1,fc2=4x1"))
    values = evaluate(lowered, {flow.input.name: draw(flow, 16, 1)})
    emit(lowered, flow, folder, source_sha256="0" * 64, values=values)
    return folder


@pytest.fixture(scope="session", params=list(Target))
def result(request: pytest.FixtureRequest, build_dir: Path) -> Synthesis:
    """Of the build, with its netlist simulated."""
    return synthesize(Build(build_dir), request.param, netlist_samples=20, seed=1)
