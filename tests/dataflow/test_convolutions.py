"""Convolutional networks as torch has them: multipliers that never wait, line buffers of the kernel's rows, nothing reordered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from hwgen.dataflow.cycles import predict
from hwgen.dataflow.folding import from_text
from hwgen.dataflow.layers import layer_rows
from hwgen.dataflow.plan import cycles_of
from hwgen.flow import BuildOptions, import_model, lower, plan_dataflow
from hwgen.ops.table import INTEGER

torch = pytest.importorskip("torch")
nn = torch.nn

CHANNELS: Final = 8
WIDTH: Final = 16


class Residual(nn.Module):
    """A convolution, and another one beside which its input goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1), nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)

    def forward(self, x: object) -> object:
        y = self.first(x).relu()
        return self.second(y) + y


def two(first: object, second: object) -> object:
    return nn.Sequential(first, nn.ReLU(), second)


NETWORKS: Final[dict[str, Callable[[], object]]] = {
    "padded": lambda: two(nn.Conv2d(CHANNELS, 16, 3, padding=1), nn.Conv2d(16, CHANNELS, 3, padding=1)),
    "not padded": lambda: two(nn.Conv2d(CHANNELS, 16, 3), nn.Conv2d(16, 16, 3)),
    "strided": lambda: two(nn.Conv2d(CHANNELS, 16, 3, stride=2, padding=1), nn.Conv2d(16, 16, 3, padding=1)),
    "wide and strided": lambda: two(nn.Conv2d(CHANNELS, CHANNELS, 5, stride=3, padding=2), nn.Conv2d(CHANNELS, CHANNELS, 1)),
    "dilated": lambda: two(
        nn.Conv2d(CHANNELS, CHANNELS, 3, padding=2, dilation=2), nn.Conv2d(CHANNELS, CHANNELS, 3, padding=3, dilation=3)
    ),
    "patches": lambda: two(nn.Conv2d(CHANNELS, CHANNELS, 2, stride=2), nn.Conv2d(CHANNELS, CHANNELS, 3)),
    "points": lambda: two(nn.Conv2d(CHANNELS, CHANNELS, 1), nn.Conv2d(CHANNELS, CHANNELS, 1)),
    "groups": lambda: two(nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, groups=2), nn.Conv2d(CHANNELS, 16, 3, padding=1, groups=2)),
    "by channel": lambda: two(nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, groups=CHANNELS), nn.Conv2d(CHANNELS, 16, 1)),
    "transposed": lambda: two(
        nn.ConvTranspose2d(CHANNELS, CHANNELS, 3, stride=2, padding=1, output_padding=1), nn.Conv2d(CHANNELS, CHANNELS, 1)
    ),
    "residual": Residual,
}
ROWS: Final = {"wide and strided": 5, "dilated": 7, "patches": 3, "points": 1}
"""Of the image that a kernel spans, where it is not 3."""


@pytest.mark.parametrize("name", NETWORKS)
def test_the_slowest_layer_never_waits_and_lines_hold_its_rows(name: str) -> None:
    torch.manual_seed(0)
    graph = import_model(NETWORKS[name]().eval(), example=torch.zeros(1, CHANNELS, WIDTH, WIDTH))
    options = BuildOptions(precision="fixed<8,3>", input_format="fixed<8,3>", parallelism="4x4")
    lowered = lower(graph, options).graph
    flow = plan_dataflow(lowered, options)
    slowest = 0
    for node, lanes in from_text(lowered, "4x4"):
        work = INTEGER[node.op].work
        assert work is not None, node.op
        slowest = max(slowest, cycles_of(work(node), lanes))
    assert slowest <= predict(flow).interval_cycles <= slowest / 0.95
    moves = [s.path for s in flow.stages if s.node.op == "permute"]
    assert len(moves) == (name == "transposed"), "the host sends positions in order; phases become rows on chip"
    line = WIDTH * (2 if name == "transposed" else 1) * 16 * 8
    for row in layer_rows(flow):
        assert row.buffer_bits <= (ROWS.get(name, 3) + 1) * line, row.path
