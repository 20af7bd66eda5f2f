"""Finds jets in images of a calorimeter with a network that is all convolutions: an image in, a map of the same size out.

    python -m examples.jet_images.run

Trains a float network in PyTorch on generated images, gives weights and activations 8 bits (each tensor's point where the
training images need it), and streams fresh images through the simulated RTL.  Exits with 1 unless every cell of every map is the
quantized network's.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

import hwgen
from examples.jet_images.images import CLASSES, SIZE, generate, mostly_background, overlap
from examples.show import console, layers, results
from examples.training import SEED, make_deterministic, train
from hwgen.ops.run import evaluate

FOLDER = Path("build/jet_images")
TRAIN_IMAGES, TEST_IMAGES = 2000, 40
EPOCHS = 12
ENERGIES = "ufixed<8,0>"


class JetFinder(nn.Module):
    """Down by two pools, up by a transposed convolution and by repeating cells."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.pool1 = nn.MaxPool2d(2)
        self.conv2, self.norm2 = nn.Conv2d(8, 12, 3, padding=1), nn.BatchNorm2d(12)
        self.pool2 = nn.AvgPool2d(2)
        self.conv3 = nn.Conv2d(12, 12, 3, padding=1)
        self.up1 = nn.ConvTranspose2d(12, 8, 2, stride=2)
        self.up2 = nn.Upsample(scale_factor=2, mode="nearest")
        self.conv4 = nn.Conv2d(8, 8, 3, padding=1)
        self.maps = nn.Conv2d(8, len(CLASSES), 1)

    def forward(self, energies: torch.Tensor) -> torch.Tensor:
        """Scores (batch, classes, size, size) of energies (batch, 1, size, size)."""
        found = self.pool1(torch.relu(self.norm1(self.conv1(energies))))
        found = self.pool2(torch.relu(self.norm2(self.conv2(found))))
        found = torch.relu(self.up1(torch.relu(self.conv3(found))))
        return self.maps(torch.relu(self.conv4(self.up2(found))))


def main(folder: Path, precision: str) -> int:
    """0 where all is equal."""
    screen = console()
    make_deterministic()
    images, tests = generate(TRAIN_IMAGES, SEED), generate(TEST_IMAGES, SEED + 1)
    model = JetFinder()
    train(model, images.energies, images.labels, epochs=EPOCHS, learning_rate=1e-2, loss=mostly_background)
    with torch.no_grad():
        in_float = model(torch.from_numpy(tests.energies)).numpy().argmax(axis=1)
    report = hwgen.build(
        model, folder, example=torch.zeros(1, 1, SIZE, SIZE), precision=precision, calibration=images.energies[:200],
        input_format=ENERGIES, parallelism="4x4", inputs=tests.energies,
    )
    graph = report.lowered.quantized
    values = evaluate(graph, {graph.inputs[0].name: tests.energies.astype(np.float64)})
    quantized, hardware = values[graph.outputs[0]].argmax(axis=1), report.outputs[0].argmax(axis=1)
    different = int((quantized != hardware).sum())
    screen.print(layers(report.flow))
    screen.print(
        results(
            report,
            {
                "jets in float": f"{overlap(in_float, tests.labels):.1%} overlap with the truth, {len(tests.labels)} images",
                f"jets in the quantized network ({precision})": f"{overlap(quantized, tests.labels):.1%}",
                "jets in the hardware": f"{overlap(hardware, tests.labels):.1%}",
                "cells unlike the quantized network's": f"{different} of {hardware.size}",
            },
        )
    )
    return 0 if report.ok and not different else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--precision", default="fixed<8,3>", help="format of weights and activations; the width is kept")
    arguments = parser.parse_args()
    sys.exit(main(arguments.folder, arguments.precision))
