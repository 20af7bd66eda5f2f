"""A small U-Net in Brevitas: an image goes down and up again, and each size is joined with what it was on the way down.

    python -m examples.unet.run

Trains on generated images of jets and streams fresh ones through the simulated RTL.  What goes straight across waits in a FIFO for
what goes down and up; the depths come from the cycle model, and the tables show them.  Exits with 1 unless every cell of every
map is Brevitas's.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import brevitas.nn as qnn
import numpy as np
import torch
from torch import nn

import hwgen
from examples.jet_images.images import CLASSES, SIZE, generate, mostly_background, overlap
from examples.show import branches, console, layers, results
from examples.training import SEED, make_deterministic, train

FOLDER = Path("build/unet")
BITS = 4
TRAIN_IMAGES, TEST_IMAGES = 1000, 20
EPOCHS = 6


class Step(nn.Module):
    """Convolution, batch norm, quantized ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = qnn.QuantConv2d(inputs, outputs, 3, padding=1, bias=False, weight_bit_width=BITS)
        self.norm, self.act = nn.BatchNorm2d(outputs), qnn.QuantReLU(bit_width=BITS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, outputs, rows, columns)."""
        return self.act(self.norm(self.conv(x)))


class UNet(nn.Module):
    """Three sizes, two joins; both sides of a join are quantized to one grid, because one convolution takes them."""

    def __init__(self) -> None:
        super().__init__()
        self.energies = qnn.QuantIdentity(bit_width=8)
        self.down1, self.down2, self.bottom = Step(1, 4), Step(4, 8), Step(8, 8)
        self.pool1, self.pool2 = nn.MaxPool2d(2), nn.MaxPool2d(2)
        self.twice2, self.twice1 = (nn.Upsample(scale_factor=2, mode="nearest") for _ in range(2))
        self.sides2, self.sides1 = qnn.QuantReLU(bit_width=BITS), qnn.QuantReLU(bit_width=BITS)
        self.up2, self.up1 = Step(16, 8), Step(12, 4)
        self.maps = qnn.QuantConv2d(4, len(CLASSES), 1, bias=True, weight_bit_width=BITS)

    def forward(self, energies: torch.Tensor) -> torch.Tensor:
        """Scores (batch, classes, size, size) of energies (batch, 1, size, size)."""
        whole = self.down1(self.energies(energies))
        half = self.down2(self.pool1(whole))
        found = self.bottom(self.pool2(half))
        found = self.up2(torch.cat([self.twice2(self.sides2(found)), self.sides2(half)], dim=1))
        return self.maps(self.up1(torch.cat([self.twice1(self.sides1(found)), self.sides1(whole)], dim=1)))


def main(folder: Path, parallelism: str) -> int:
    """0 where all is equal."""
    screen = console()
    make_deterministic()
    images, tests = generate(TRAIN_IMAGES, SEED), generate(TEST_IMAGES, SEED + 1)
    model = UNet()
    train(model, images.energies, images.labels, epochs=EPOCHS, learning_rate=1e-2, loss=mostly_background)
    with torch.no_grad():
        scores = model(torch.from_numpy(tests.energies)).numpy()
    report = hwgen.build(model, folder, example=torch.zeros(1, 1, SIZE, SIZE), parallelism=parallelism, inputs=tests.energies)
    (computed,) = report.outputs
    trained, hardware = scores.argmax(axis=1), computed.argmax(axis=1)
    different = int((trained != hardware).sum())
    screen.print(layers(report.flow))
    screen.print(branches(report.flow))
    screen.print(
        results(
            report,
            {
                "jets in the quantized model": f"{overlap(trained, tests.labels):.1%} overlap with the truth, {TEST_IMAGES} images",
                "jets in the hardware": f"{overlap(hardware, tests.labels):.1%}",
                "cells that differ": f"{different} of {hardware.size}",
                "largest difference of a score": f"{np.abs(computed - scores).max():.1e} (Brevitas computes in float32)",
            },
        )
    )
    return 0 if report.ok and not different else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--parallelism", default="4x4", help="multipliers of each layer, inputs x outputs")
    arguments = parser.parse_args()
    sys.exit(main(arguments.folder, arguments.parallelism))
