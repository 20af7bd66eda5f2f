"""Builds hardware for the digits network and streams the whole test set through the simulated RTL.

    python -m examples.digits_mlp.run

Exits with 1 unless every bit of the hardware is the integer reference's, and every prediction the one of the quantized
model in Brevitas.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

import hwgen
from examples.digits_mlp.files import FOLDER, MODEL, TEST_SET
from examples.show import console, layers, results


def main(folder: Path, parallelism: str) -> int:
    """0 where all is equal."""
    screen = console()
    if not (folder / MODEL).exists() or not (folder / TEST_SET).exists():
        screen.print("no trained model yet: training (under a minute)")
        from examples.digits_mlp import train  # Brevitas is only needed here

        train.main(folder)
    with np.load(folder / TEST_SET, allow_pickle=False) as data:
        images, labels, logits = data["images"], data["labels"], data["logits"]
    report = hwgen.build(
        folder / MODEL, folder / "hardware", parallelism=parallelism, inputs=images, samples=len(images),
        progress=lambda phase: screen.print(f"{phase} …"),
    )
    (computed,) = report.outputs
    trained, hardware = logits.argmax(axis=1), computed.argmax(axis=1)
    different = np.flatnonzero(trained != hardware)
    screen.print(layers(report.flow))
    screen.print(
        results(
            report,
            {
                "accuracy of the quantized model": f"{(trained == labels).mean():.2%} of {len(labels)} test images",
                "accuracy of the hardware": f"{(hardware == labels).mean():.2%}",
                "predictions that differ": str(len(different)),
                "largest difference of a logit": f"{np.abs(computed - logits).max():.1e} (Brevitas computes in float32)",
            },
        )
    )
    for index in different[:5]:
        screen.print(f"image {index}: model {trained[index]}, hardware {hardware[index]}, label {labels[index]}")
    if report.verification.first_difference is not None:
        screen.print(str(report.verification.first_difference))
    return 0 if report.ok and not len(different) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--parallelism", default="8x8", help="multipliers of each layer, inputs x outputs")
    arguments = parser.parse_args()
    sys.exit(main(arguments.folder, arguments.parallelism))
