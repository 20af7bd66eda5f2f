"""A trigger for muons: convolutions along the cells of a chamber, with types of layers in hls4ml's form.

    python -m examples.muon_conv1d.run
    python -m examples.muon_conv1d.run --propose

Trains a float network in PyTorch on generated hits, gives each layer the types of ``types.yml``, or with ``--propose`` those that
more events say are enough, decides on chip, and streams fresh events through the simulated RTL.  Exits with 1 unless every decision
of the hardware is the quantized network's.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

import hwgen
from examples.muon_conv1d.hits import CELLS, CLASSES, LAYERS, generate
from examples.show import console, layers, results
from examples.training import SEED, make_deterministic, train
from hwgen.data import Dataset
from hwgen.errors import HwgenError
from hwgen.frontend.hls4ml_config import read_hls4ml_config
from hwgen.ops.run import evaluate
from hwgen.precision.rules import PrecisionConfig
from hwgen.precision.toml_text import to_toml
from hwgen.profile.page import write_page
from hwgen.profile.report import ProfileOptions, ProfileReport, profile_model

FOLDER = Path("build/muon_conv1d")
TYPES = Path(__file__).with_name("types.yml")
TRAIN_EVENTS, TEST_EVENTS, PROFILE_EVENTS = 6000, 400, 4000
EPOCHS = 12


class Muons(nn.Module):
    """Layers of the chamber are channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1, self.act1 = nn.Conv1d(LAYERS, 8, 5, padding=2), nn.BatchNorm1d(8), nn.ReLU()
        self.pool1 = nn.MaxPool1d(2)
        self.conv2, self.norm2, self.act2 = nn.Conv1d(8, 12, 5, padding=2), nn.BatchNorm1d(12), nn.ReLU()
        self.pool2 = nn.MaxPool1d(4)
        self.flat = nn.Flatten()
        self.fc, self.act3, self.out = nn.Linear(12 * CELLS // 8, 16), nn.ReLU(), nn.Linear(16, len(CLASSES))

    def forward(self, charges: torch.Tensor) -> torch.Tensor:
        """Scores (batch, classes) of charges (batch, layers, cells)."""
        found = self.pool1(self.act1(self.norm1(self.conv1(charges))))
        found = self.pool2(self.act2(self.norm2(self.conv2(found))))
        return self.out(self.act3(self.fc(self.flat(found))))


def trained() -> Muons:
    """The same network on every run."""
    make_deterministic()
    events, model = generate(TRAIN_EVENTS, SEED), Muons()
    train(model, events.charges, events.labels, epochs=EPOCHS)
    return model


def propose(model: Muons) -> ProfileReport:
    """Types of the layers with the fewest bits that lose at most half a point of accuracy; and the smallest type for all."""
    events, graph = generate(PROFILE_EVENTS, SEED + 2), hwgen.import_model(model, torch.zeros(1, LAYERS, CELLS))
    data = Dataset({graph.inputs[0].name: events.charges}, events.labels)
    return profile_model(graph, data, ProfileOptions(compare=True))


def proposed(model: Muons, folder: Path) -> tuple[PrecisionConfig, dict[str, str]]:
    """The types, also written beside ``folder`` with a page about them, and what there is to say of them."""
    report = propose(model)
    if report.proposal is None or report.one_type is None:
        raise HwgenError("types", "the profile", "no types keep the accuracy", "train the network better")
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.with_suffix(".toml").write_text(to_toml(report.proposal.config), encoding="utf-8")
    write_page(report, folder.with_suffix(".html"))
    return report.proposal.config, {
        "bits of weights and values": f"{report.proposal.bits}; {report.one_type.bits} with {report.one_type.format} everywhere",
        "page about the types": str(folder.with_suffix(".html")),
    }


def main(folder: Path, types: Path | None) -> int:
    """types: None to propose some.  0 where all is equal."""
    screen, model, tests = console(), trained(), generate(TEST_EVENTS, SEED + 1)
    with torch.no_grad():
        in_float = model(torch.from_numpy(tests.charges)).numpy().argmax(axis=1)
    formats, said = proposed(model, folder) if types is None else (read_hls4ml_config(types), {})
    report = hwgen.build(
        model, folder, example=torch.zeros(1, LAYERS, CELLS), formats=formats, argmax=True, parallelism="6x2",
        inputs=tests.charges,
    )
    graph = report.lowered.quantized
    values = evaluate(graph, {graph.inputs[0].name: tests.charges.astype(np.float64)})
    quantized, hardware = (v.reshape(-1) for v in (values[graph.outputs[0]], report.outputs[0]))
    different = int((quantized != hardware).sum())
    labels = tests.labels
    screen.print(layers(report.flow))
    screen.print(
        results(
            report,
            {
                "accuracy in float": f"{(in_float == labels).mean():.2%} of {len(labels)} events, {len(CLASSES)} classes",
                f"accuracy with the types {f'of {types.name}' if types else 'proposed'}": f"{(quantized == labels).mean():.2%}",
                "accuracy of the hardware": f"{(hardware == labels).mean():.2%}",
                "decisions unlike the quantized network's": str(different),
                **said,
            },
        )
    )
    return 0 if report.ok and not different else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--types", type=Path, default=TYPES, help="types of layers, in hls4ml's form")
    parser.add_argument("--propose", action="store_true", help="propose types from data instead, as hwgen profile does")
    arguments = parser.parse_args()
    sys.exit(main(arguments.folder, None if arguments.propose else arguments.types))
