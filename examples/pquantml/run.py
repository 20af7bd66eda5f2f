"""A model that PQuantML pruned and quantized while it was trained, as hardware that skips what was pruned.

    pip install pquant-ml
    python -m examples.pquantml.run

Trains a network on handwritten digits with PQuantML's PDP pruning (70 % of the weights go), writes it as QONNX with PQuantML's own
exporter, and builds it with one multiplier a layer, which takes a cycle for each weight that is left.  Exits with 1 unless every
logit of the hardware is the one that PQuantML's torch model gives, bit for bit.

PQuantML rounds ties up unless told otherwise, and its exporter writes ties to even: the configuration asks for ties to even.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"  # PQuantML looks at it when it is imported

import numpy as np
import torch
from torch import nn

import hwgen
from examples.digits import Digits, load
from examples.show import console, layers, results
from examples.training import make_deterministic
from hwgen.pruning.layers import masks_of

FOLDER = Path("build/pquantml")
SPARSITY = 0.7
BATCH = 64
EPOCHS = {"pretraining_epochs": 10, "epochs": 30, "fine_tuning_epochs": 20}


def trained(digits: Digits) -> nn.Sequential:
    """Pruned and quantized by PQuantML, its weights final."""
    import pquant

    config = pquant.pdp_config()
    config.pruning_parameters.sparsity = SPARSITY
    config.pruning_parameters.epsilon = 0.05  # all of it after 20 epochs
    config.quantization_parameters.round_mode = "RND_CONV"
    for name, count in EPOCHS.items():
        setattr(config.training_parameters, name, count)
    plain = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    model = pquant.add_compression_layers(plain, config, (1, 64))
    images, labels = torch.from_numpy(digits.train_images), torch.from_numpy(digits.train_labels)
    optimizer, order = torch.optim.Adam(model.parameters(), 2e-3), torch.Generator().manual_seed(1)

    def epoch_of(model: nn.Module, **_: object) -> None:
        for chosen in torch.randperm(len(labels), generator=order).split(BATCH):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(images[chosen]), labels[chosen])
            pquant.get_model_losses(model, loss).backward()
            optimizer.step()

    def nothing(*_: object, **__: object) -> None:
        """Nobody validates."""

    model = pquant.train_model(model, config, epoch_of, nothing, input_shape=(1, 64))
    return pquant.apply_final_compression(model).eval()


def main(folder: Path) -> int:
    """0 where all is equal."""
    from pquant.core.torch.convert_to_onnx import convert_to_onnx

    screen = console()
    make_deterministic()
    digits = load()
    model = trained(digits)
    with torch.no_grad():
        logits = model(torch.from_numpy(digits.test_images)).numpy()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "digits.onnx"
    convert_to_onnx(model, (64,), str(file), use_qonnx=True)
    report = hwgen.build(
        file, folder / "hardware", parallelism="1x1", inputs=digits.test_images, samples=len(digits.test_images)
    )
    masks = masks_of(hwgen.import_model(file))
    weights, left = sum(m.size for m in masks.values()), sum(int(m.sum()) for m in masks.values())
    different = int((np.asarray(report.outputs[0], dtype=np.float32) != logits).sum())
    labels = digits.test_labels
    screen.print(layers(report.flow))
    screen.print(
        results(
            report,
            {
                "accuracy of PQuantML's model": f"{(logits.argmax(axis=1) == labels).mean():.2%} of {len(labels)} test images",
                "weights left": f"{left} of {weights}",
                "logits unlike PQuantML's": str(different),
            },
        )
    )
    return 0 if report.ok and not different else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    sys.exit(main(parser.parse_args().folder))
