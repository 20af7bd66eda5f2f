"""What a training keeps on disk after each epoch, whole or not at all, to go on from after an interrupt or a kill."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from hwgen.errors import HwgenError
from hwgen.frontend.limits import read_bytes
from hwgen.rtl.atomic import write_bytes

_VERSION: Final = 1
_MAX_BYTES: Final = 1 << 31

State = dict[str, Tensor]


@dataclass(frozen=True)
class EpochRecord:
    """number: 0 before any step.  loss: mean over the epoch's batches (0: over the validation data).

    validation_loss, metric: of the validation data after it, with values quantized as they will be.
    """

    number: int
    loss: float
    validation_loss: float
    metric: float


@dataclass(frozen=True)
class Checkpoint:
    """key: of model, data and options.  history: the epochs that are done.  best: number of the best of them.

    state, best_state: of the module, newest and best.  optimizer, random: to go on as if nothing had happened.
    """

    key: str
    history: tuple[EpochRecord, ...]
    best: int
    state: State
    best_state: State
    optimizer: dict[str, Any]
    random: Tensor


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Writes beside the final name and renames."""
    record = {
        "version": _VERSION, "key": checkpoint.key, "best": checkpoint.best, "state": checkpoint.state,
        "history": [[e.number, e.loss, e.validation_loss, e.metric] for e in checkpoint.history],
        "best_state": checkpoint.best_state, "optimizer": checkpoint.optimizer, "random": checkpoint.random,
    }
    buffer = io.BytesIO()
    torch.save(record, buffer)
    write_bytes(path, buffer.getvalue())


def load(path: Path, key: str) -> Checkpoint | None:
    """What is kept in ``path``; None where there is no file.

    Raises HwgenError where it is no checkpoint, or one of another model, other data or options.  Runs no code of the file.
    """
    if not path.exists():
        return None
    where = f"checkpoint {path.name!r}"
    try:
        record: dict[str, Any] = torch.load(io.BytesIO(read_bytes(path, _MAX_BYTES)), weights_only=True)
        if record["version"] != _VERSION:
            raise ValueError(f"version {record['version']}")
        found = Checkpoint(
            record["key"], tuple(EpochRecord(*row) for row in record["history"]), record["best"], record["state"],
            record["best_state"], record["optimizer"], record["random"],
        )
    except HwgenError:
        raise
    except Exception as error:  # what torch raises for a foreign file has no common base
        raise HwgenError("checkpoint", where, f"cannot be read ({type(error).__name__})", "train without --resume") from error
    if found.key != key:
        what = "was begun with another model, other data or other options"
        raise HwgenError("checkpoint", where, what, "give the same ones, or train without --resume")
    return found
