"""A trigger for muons: convolutions along the cells of a chamber, with types of layers in hls4ml's form.

    python -m examples.muon_conv1d.run

Trains a float network in PyTorch on generated hits, gives each layer the types of ``types.yml``, decides on chip, and streams
fresh events through the simulated RTL.  Exits with 1 unless every decision of the hardware is the quantized network's.
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
from hwgen.frontend.hls4ml_config import read_hls4ml_config
from hwgen.ops.run import evaluate

FOLDER = Path("build/muon_conv1d")
TYPES = Path(__file__).with_name("types.yml")
TRAIN_EVENTS, TEST_EVENTS = 6000, 400
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


def main(folder: Path, types: Path) -> int:
    """0 where all is equal."""
    screen = console()
    make_deterministic()
    events, tests = generate(TRAIN_EVENTS, SEED), generate(TEST_EVENTS, SEED + 1)
    model = Muons()
    train(model, events.charges, events.labels, epochs=EPOCHS)
    with torch.no_grad():
        in_float = model(torch.from_numpy(tests.charges)).numpy().argmax(axis=1)
    report = hwgen.build(
        model, folder, example=torch.zeros(1, LAYERS, CELLS), hls4ml_config=read_hls4ml_config(types), argmax=True,
        parallelism="6x2", inputs=tests.charges,
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
                f"accuracy with the types of {types.name}": f"{(quantized == labels).mean():.2%}",
                "accuracy of the hardware": f"{(hardware == labels).mean():.2%}",
                "decisions unlike the quantized network's": str(different),
            },
        )
    )
    return 0 if report.ok and not different else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--types", type=Path, default=TYPES, help="types of layers, in hls4ml's form")
    arguments = parser.parse_args()
    sys.exit(main(arguments.folder, arguments.types))
