"""A small residual network in Brevitas: two blocks whose input goes around them and is added again.

    python -m examples.residual.run

Trains on handwritten digits and streams test images through the simulated RTL.  What goes around a block waits in a FIFO;
the depths come from the cycle model, and the tables show them.  Exits with 1 unless every prediction is Brevitas's.
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
from examples.digits import load
from examples.show import branches, console, layers, results
from examples.training import make_deterministic, train

FOLDER = Path("build/residual")
BITS = 4
CHANNELS = 8
EPOCHS = 8
TEST_IMAGES = 60


class Block(nn.Module):
    """``relu(x + conv(relu(conv(x))))``; both sides of the sum are quantized to one grid."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = qnn.QuantConv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False, weight_bit_width=BITS)
        self.norm1, self.act1 = nn.BatchNorm2d(CHANNELS), qnn.QuantReLU(bit_width=BITS)
        self.conv2 = qnn.QuantConv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False, weight_bit_width=BITS)
        self.norm2, self.sides, self.act2 = nn.BatchNorm2d(CHANNELS), qnn.QuantIdentity(bit_width=6), qnn.QuantReLU(bit_width=BITS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, channels, 8, 8) of the same."""
        inside = self.norm2(self.conv2(self.act1(self.norm1(self.conv1(x)))))
        return self.act2(self.sides(x) + self.sides(inside))


class Residual(nn.Module):
    """A convolution, two blocks, the mean of each channel, logits."""

    def __init__(self) -> None:
        super().__init__()
        self.pixels = qnn.QuantIdentity(bit_width=8)
        self.conv = qnn.QuantConv2d(1, CHANNELS, 3, padding=1, bias=False, weight_bit_width=BITS)
        self.norm, self.act, self.pool = nn.BatchNorm2d(CHANNELS), qnn.QuantReLU(bit_width=BITS), nn.MaxPool2d(2)
        self.block1, self.block2 = Block(), Block()
        self.mean, self.means = nn.AvgPool2d(2), qnn.QuantIdentity(bit_width=6)
        self.flat, self.fc = nn.Flatten(), qnn.QuantLinear(CHANNELS * 4, 10, bias=True, weight_bit_width=BITS)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (batch, 10) of images (batch, 1, 8, 8)."""
        found = self.pool(self.act(self.norm(self.conv(self.pixels(images)))))
        return self.fc(self.flat(self.means(self.mean(self.block2(self.block1(found))))))


def main(folder: Path, parallelism: str) -> int:
    """0 where all is equal."""
    screen = console()
    make_deterministic()
    digits = load()
    images, tests = (a.reshape(-1, 1, 8, 8) for a in (digits.train_images, digits.test_images[:TEST_IMAGES]))
    model = Residual()
    train(model, images, digits.train_labels, epochs=EPOCHS)
    with torch.no_grad():
        logits = model(torch.from_numpy(tests)).numpy()
    report = hwgen.build(model, folder, example=torch.zeros(1, 1, 8, 8), parallelism=parallelism, inputs=tests)
    (computed,) = report.outputs
    trained, hardware, labels = logits.argmax(axis=1), computed.argmax(axis=1), digits.test_labels[:TEST_IMAGES]
    different = int((trained != hardware).sum())
    screen.print(layers(report.flow))
    screen.print(branches(report.flow))
    screen.print(
        results(
            report,
            {
                "accuracy of the quantized model": f"{(trained == labels).mean():.1%} of {len(labels)} test images",
                "accuracy of the hardware": f"{(hardware == labels).mean():.1%}",
                "predictions that differ": str(different),
                "largest difference of a logit": f"{np.abs(computed - logits).max():.1e} (Brevitas computes in float32)",
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
