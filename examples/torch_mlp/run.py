"""From plain float PyTorch to hardware: fixed-point formats are chosen on the way.

    python -m examples.torch_mlp.run

Trains a float network on handwritten digits, gives weights and activations 8 bits (each tensor's point where the training
images need it), and streams the whole test set through the simulated RTL.  Exits with 1 unless every prediction of the
hardware is the one of the quantized network run in float64.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

import hwgen
from examples.digits import Digits, load
from examples.show import console, layers, results
from examples.training import make_deterministic, train
from hwgen.ops.run import evaluate

FOLDER = Path("build/torch_mlp")
EPOCHS = 30
PIXELS = "ufixed<5,1>"
"""Pixels are 0 … 16 sixteenths: this format holds them exactly."""


class DigitsMlp(nn.Module):
    """Nothing but torch: linear layers, batch norm, ReLU, dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(64, 32)
        self.norm = nn.BatchNorm1d(32)
        self.drop = nn.Dropout(0.1)
        self.fc2 = nn.Linear(32, 32)
        self.fc3 = nn.Linear(32, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Logits (batch, 10) of images (batch, 64)."""
        hidden = self.drop(torch.relu(self.norm(self.fc1(2 * image - 1))))
        return self.fc3(torch.relu(self.fc2(hidden)))


def build(model: nn.Module, digits: Digits, folder: Path, precision: str) -> hwgen.BuildReport:
    """The hardware, verified with the test images."""
    return hwgen.build(
        model, folder, example=torch.zeros(1, 64), precision=precision, calibration=digits.train_images,
        input_format=PIXELS, parallelism="8x4", inputs=digits.test_images, samples=len(digits.test_images),
    )


def main(folder: Path, precision: str) -> int:
    """0 where all is equal."""
    screen = console()
    make_deterministic()
    digits = load()
    model = DigitsMlp()
    train(model, digits.train_images, digits.train_labels, epochs=EPOCHS)
    with torch.no_grad():
        in_float = model(torch.from_numpy(digits.test_images)).numpy().argmax(axis=1)
    report = build(model, digits, folder, precision)
    graph = report.lowered.quantized
    values = evaluate(graph, {graph.inputs[0].name: digits.test_images.astype(np.float64)})
    quantized, hardware = values[graph.outputs[0]].argmax(axis=1), report.outputs[0].argmax(axis=1)
    different = int((quantized != hardware).sum())
    labels = digits.test_labels
    screen.print(layers(report.flow))
    screen.print(
        results(
            report,
            {
                "accuracy in float": f"{(in_float == labels).mean():.2%} of {len(labels)} test images",
                f"accuracy of the hardware ({precision})": f"{(hardware == labels).mean():.2%}",
                "predictions that quantization changed": str(int((in_float != hardware).sum())),
                "predictions unlike the quantized network's": str(different),
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
