"""A small deterministic training loop for the examples."""

from __future__ import annotations

import torch
from torch import nn

from examples.digits import SEED, Digits

BATCH = 64


def make_deterministic() -> None:
    """The same weights on every run: fixed seed, one thread (sums in one order), deterministic kernels."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def train(model: nn.Module, digits: Digits, *, epochs: int, learning_rate: float = 3e-3) -> None:
    """Trains in place and leaves the model in evaluation mode."""
    images, labels = torch.from_numpy(digits.train_images), torch.from_numpy(digits.train_labels)
    optimizer = torch.optim.Adam(model.parameters(), learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    model.train()
    for _ in range(epochs):
        for chosen in torch.randperm(len(images)).split(BATCH):
            if len(chosen) < 2:
                continue  # batch norm has no statistics of one image
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images[chosen]), labels[chosen]).backward()
            optimizer.step()
        schedule.step()
    model.eval()
