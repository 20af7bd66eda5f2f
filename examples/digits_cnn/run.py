"""A convolutional network for handwritten digits, trained in Brevitas with 4-bit weights and activations.

    python -m examples.digits_cnn.run

Trains, builds, and streams the whole test set through the simulated RTL.  Exits with 1 unless every prediction of the hardware is
Brevitas's.
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
from examples.show import console, layers, results
from examples.training import make_deterministic, train

FOLDER = Path("build/digits_cnn")
BITS = 4
EPOCHS = 15


class DigitsCnn(nn.Module):
    """Two convolutions, each with batch norm, quantized ReLU and a pool, and a layer of logits."""

    def __init__(self) -> None:
        super().__init__()
        self.pixels = qnn.QuantIdentity(bit_width=8)
        self.conv1 = qnn.QuantConv2d(1, 8, 3, padding=1, bias=False, weight_bit_width=BITS)
        self.norm1, self.act1, self.pool1 = nn.BatchNorm2d(8), qnn.QuantReLU(bit_width=BITS), nn.MaxPool2d(2)
        self.conv2 = qnn.QuantConv2d(8, 16, 3, padding=1, bias=False, weight_bit_width=BITS)
        self.norm2, self.act2, self.pool2 = nn.BatchNorm2d(16), qnn.QuantReLU(bit_width=BITS), nn.MaxPool2d(2)
        self.flat = nn.Flatten()
        self.fc = qnn.QuantLinear(16 * 2 * 2, 10, bias=True, weight_bit_width=BITS)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (batch, 10) of images (batch, 1, 8, 8)."""
        found = self.pool1(self.act1(self.norm1(self.conv1(self.pixels(images)))))
        found = self.pool2(self.act2(self.norm2(self.conv2(found))))
        return self.fc(self.flat(found))


def main(folder: Path, parallelism: str) -> int:
    """0 where all is equal."""
    screen = console()
    make_deterministic()
    digits = load()
    images, tests = (a.reshape(-1, 1, 8, 8) for a in (digits.train_images, digits.test_images))
    model = DigitsCnn()
    train(model, images, digits.train_labels, epochs=EPOCHS)
    with torch.no_grad():
        logits = model(torch.from_numpy(tests)).numpy()
    report = hwgen.build(model, folder, example=torch.zeros(1, 1, 8, 8), parallelism=parallelism, inputs=tests)
    (computed,) = report.outputs
    trained, hardware, labels = logits.argmax(axis=1), computed.argmax(axis=1), digits.test_labels
    different = int((trained != hardware).sum())
    screen.print(layers(report.flow))
    screen.print(
        results(
            report,
            {
                "accuracy of the quantized model": f"{(trained == labels).mean():.2%} of {len(labels)} test images",
                "accuracy of the hardware": f"{(hardware == labels).mean():.2%}",
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
