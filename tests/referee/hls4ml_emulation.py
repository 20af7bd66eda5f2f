"""What hls4ml's own emulation computes for a small network under a configuration, in a process of its own.

    python -m referee.hls4ml_emulation NETWORK CONFIG.json INPUTS.npy OUTPUTS.npy      (in tests/)
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn


class Dense(nn.Module):
    """Two linear layers, a batch norm behind the first."""

    shape = (6,)

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.norm, self.act, self.fc2 = nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(self.act(self.norm(self.fc1(x))))


class Hits(nn.Module):
    """A convolution along one axis, a batch norm, a pool, a linear layer."""

    shape = (2, 8)

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm, self.act = nn.Conv1d(2, 3, 3, padding=1), nn.BatchNorm1d(3), nn.ReLU()
        self.pool = nn.MaxPool1d(2)
        self.flat, self.fc = nn.Flatten(), nn.Linear(12, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.flat(self.pool(self.act(self.norm(self.conv1(x))))))


NETWORKS = {"dense": Dense, "hits": Hits}


def network(name: str) -> nn.Module:
    """The same weights each time; batch norms with statistics."""
    torch.manual_seed(1)
    module = NETWORKS[name]()
    with torch.no_grad():
        for norm in (m for m in module.modules() if isinstance(m, nn.BatchNorm1d)):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
            norm.weight.uniform_(0.5, 2)
            norm.bias.normal_()
    return module.eval()


def main(name: str, config: str, inputs: str, outputs: str) -> None:
    """See the module."""
    import hls4ml

    module = network(name)
    with tempfile.TemporaryDirectory() as folder:
        settings = {**json.loads(Path(config).read_text()), "InputShape": module.shape}
        made = hls4ml.converters.convert_from_pytorch_model(module, hls_config=settings, output_dir=folder, backend="Vitis")
        made.compile()
        x = np.load(inputs)
        np.save(outputs, made.predict(x).reshape(len(x), -1))


if __name__ == "__main__":
    main(*sys.argv[1:])
