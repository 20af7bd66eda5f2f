"""Trains a 64-32-32-10 network with 4-bit weights and activations on handwritten digits, and exports it as QONNX.

    python -m examples.digits_mlp.train
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import warnings
from pathlib import Path

import brevitas.nn as qnn
import numpy as np
import torch
from brevitas.export import export_qonnx
from torch import nn

from examples.digits import load
from examples.digits_mlp.files import FOLDER, MODEL, TEST_SET
from examples.training import make_deterministic, train

BITS = 4
EPOCHS = 40


class DigitsMlp(nn.Module):
    """Quantized input; two hidden layers with batch norm and quantized ReLU; logits with a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.pixels = qnn.QuantIdentity(bit_width=8)
        self.fc1 = qnn.QuantLinear(64, 32, bias=False, weight_bit_width=BITS)
        self.norm1 = nn.BatchNorm1d(32)
        self.act1 = qnn.QuantReLU(bit_width=BITS)
        self.fc2 = qnn.QuantLinear(32, 32, bias=False, weight_bit_width=BITS)
        self.norm2 = nn.BatchNorm1d(32)
        self.act2 = qnn.QuantReLU(bit_width=BITS)
        self.fc3 = qnn.QuantLinear(32, 10, bias=True, weight_bit_width=BITS)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Logits (batch, 10) of images (batch, 64)."""
        hidden = self.act1(self.norm1(self.fc1(self.pixels(image))))
        return self.fc3(self.act2(self.norm2(self.fc2(hidden))))


def export(model: nn.Module, path: Path) -> None:
    """Writes QONNX; the exporters' own progress is not shown."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        export_qonnx(model, args=torch.zeros(1, 64), export_path=str(path), input_names=["image"], dynamo=False)


def main(folder: Path) -> float:
    """Trains, exports the model, and keeps Brevitas's own logits for the test set beside it.  Returns the accuracy."""
    make_deterministic()
    digits = load()
    model = DigitsMlp()
    train(model, digits.train_images, digits.train_labels, epochs=EPOCHS)
    with torch.no_grad():
        logits = model(torch.from_numpy(digits.test_images)).numpy()
    accuracy = float((logits.argmax(axis=1) == digits.test_labels).mean())
    folder.mkdir(parents=True, exist_ok=True)
    export(model, folder / MODEL)
    np.savez(folder / TEST_SET, images=digits.test_images, labels=digits.test_labels, logits=logits)
    print(f"trained: {accuracy:.2%} of {len(digits.test_labels)} test images right; {folder / MODEL}")
    return accuracy


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    main(parser.parse_args().folder)
