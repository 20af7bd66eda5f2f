"""The designs that estimates are held against: trained models where they are found, random networks in their place and beside."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.networks import Recipe, write_network
from hwgen.flow import BuildOptions

MODELS: Final = Path(os.environ.get("HWGEN_MODELS", Path(__file__).resolve().parents[2] / "shared" / "models"))
JET_SIZES: Final = (16, 64, 32, 32, 5)


@dataclass(frozen=True)
class Design:
    """name: a word for tables.  model: a file.  options: of its build."""

    name: str
    model: Path
    options: BuildOptions


@dataclass(frozen=True)
class _Entry:
    """file: of a trained model, or None; recipe: of the network that stands in for it."""

    name: str
    options: BuildOptions
    recipe: Recipe
    file: str | None = None


JET_TAGGER: Final = _Entry(
    "jet tagger", BuildOptions(parallelism="4x4"), Recipe(JET_SIZES, 6, 6, 6, bias=True), "qkeras_jettagging.onnx"
)
_ENTRIES: Final = (
    JET_TAGGER,
    _Entry(
        "TFC 2w2a", BuildOptions(parallelism="8x8"), Recipe((784, 64, 64, 64, 10), 2, 2, 2, narrow=True, bias=True),
        "TFC_2W2A.onnx",
    ),
    _Entry(
        "UNSW nb15", BuildOptions(parallelism="8x4"), Recipe((600, 64, 64, 64, 1), 2, 2, 1, bias=True),
        "unsw_nb15-mlp-w2a2.onnx",
    ),
    _Entry("digits 4-bit", BuildOptions(parallelism="8x8"), Recipe((64, 32, 32, 10), 4, 4, 5, channel_scales=True, bias=True)),
    _Entry("one multiplier", BuildOptions(parallelism="1x1"), Recipe()),
    _Entry("8-bit wide", BuildOptions(parallelism="16x8", argmax=True), Recipe((32, 64, 10), 8, 8, 8, bias=True)),
    _Entry("bipolar", BuildOptions(parallelism="16x4"), Recipe((128, 64, 64, 10), 1, 1, 1, bias=True)),
    _Entry("ternary", BuildOptions(parallelism="8x4"), Recipe((48, 40, 24, 6), 2, 8, 8, narrow=True, bias=True)),
    _Entry("block memories", BuildOptions(parallelism="2x4"), Recipe((200, 96, 12), 8, 6, 8, channel_scales=True, bias=True)),
    _Entry("odd sizes", BuildOptions(parallelism="5x3", argmax=True), Recipe((33, 21, 17, 7), 5, 3, 7, bias=True)),
)


def design(entry: _Entry, folder: Path) -> Design:
    """The design of an entry; a random network is written to ``folder``."""
    trained = MODELS / entry.file if entry.file else None
    if trained is not None and trained.is_file():
        return Design(entry.name, trained, entry.options)
    name = f"{entry.name} (random)" if entry.file else entry.name
    return Design(name, write_network(entry.recipe, folder / f"{entry.name.replace(' ', '_')}.onnx"), entry.options)


def designs(folder: Path) -> tuple[Design, ...]:
    """All of them."""
    return tuple(design(entry, folder) for entry in _ENTRIES)
