"""A small deterministic training loop for the examples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

SEED = 2024
BATCH = 64

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def make_deterministic() -> None:
    """The same weights on every run: fixed seed, one thread (sums in one order), deterministic kernels."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def train(
    model: nn.Module, samples: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], *, epochs: int,
    learning_rate: float = 3e-3, loss: Loss = nn.functional.cross_entropy,
) -> None:
    """Trains in place and leaves the model in evaluation mode."""
    given, wanted = torch.from_numpy(samples), torch.from_numpy(labels)
    optimizer = torch.optim.Adam(model.parameters(), learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    model.train()
    for _ in range(epochs):
        for chosen in torch.randperm(len(given)).split(BATCH):
            if len(chosen) < 2:
                continue  # batch norm has no statistics of one image
            optimizer.zero_grad()
            loss(model(given[chosen]), wanted[chosen]).backward()
            optimizer.step()
        schedule.step()
    model.eval()
