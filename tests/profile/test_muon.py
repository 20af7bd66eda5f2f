"""The muon trigger's types, proposed from data without a hand's edit: what they lose on events that nobody has seen, and save."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import hwgen  # noqa: E402 - without torch there is nothing to import it for
from examples.muon_conv1d.hits import CELLS, LAYERS, generate  # noqa: E402
from examples.muon_conv1d.run import propose, trained  # noqa: E402
from examples.training import SEED  # noqa: E402
from hwgen.config import read_config  # noqa: E402
from hwgen.data import Dataset  # noqa: E402
from hwgen.flow import BuildOptions, lower  # noqa: E402
from hwgen.metrics import METRICS  # noqa: E402
from hwgen.precision.toml_text import to_toml  # noqa: E402
from hwgen.profile.exact import exact_outputs, real_outputs  # noqa: E402

FRESH_EVENTS = 8000


@pytest.mark.slow
def test_proposed_types_lose_less_than_half_a_point_with_fewer_bits_than_one_type_for_all(tmp_path: Path) -> None:
    model = trained()
    report = propose(model)
    assert report.ok and report.proposal is not None and report.one_type is not None
    assert report.proposal.bits < report.one_type.bits
    (tmp_path / "types.toml").write_text(to_toml(report.proposal.config))
    formats = read_config(tmp_path / "types.toml").layers
    example, fresh = torch.zeros(1, LAYERS, CELLS), generate(FRESH_EVENTS, SEED + 1)
    graph = hwgen.import_model(model, example)
    data, accuracy = Dataset({graph.inputs[0].name: fresh.charges}, fresh.labels), METRICS["accuracy"]
    in_float = accuracy(real_outputs(graph, data), data.targets)
    exact = accuracy(exact_outputs(lower(graph, BuildOptions(formats=formats)), data), data.targets)
    assert in_float - exact < 0.005
    built = hwgen.build(
        model, tmp_path / "build", example=example, formats=formats, argmax=True, parallelism="6x2", inputs=fresh.charges[:40],
    )
    assert built.ok
