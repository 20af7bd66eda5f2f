"""What stands in a stream: estimates beside what Yosys makes of the templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import Final

import pytest

from hwgen.cost.area import Area, Target
from hwgen.cost.streams import concat_cost, reorder_cost, select_cost, window_cost
from hwgen.dataflow.unit import Role, Unit, memory_style
from tests.cost.tops import Port, hold_to_yosys

COSTS: Final[Mapping[str, Callable[[Unit, Target], Area]]] = {
    "hg_concat": concat_cost, "hg_select": select_cost, "hg_reorder": reorder_cost, "hg_window": window_cost,
}


def table(entries: tuple[int, ...], bits: int = 32) -> int:
    """Entries in one number, the first lowest."""
    return sum(entry << bits * k for k, entry in enumerate(entries))


def unit(module: str, **parameters: int) -> Unit:
    return Unit(module, tuple(parameters.items()), (), 1, 1, 1, 1, role=Role.STREAM)


def concat(width: int, *beats: int) -> Unit:
    return unit("hg_concat", Width=width, Inputs=len(beats), Beats=table(beats))


def select(width: int, **ranges: tuple[int, int, int]) -> Unit:
    """ranges: size, first and last by Row, Col and Block; one place where there is none."""
    parameters: dict[str, int] = {}
    for name in ("Row", "Col", "Block"):
        size, first, last = ranges.get(name, (1, 0, 0))
        parameters |= {f"{name}s": size, f"{name}First": first, f"{name}Last": last}
    return unit("hg_select", Width=width, **parameters)


def reorder(width: int, *loops: tuple[int, int], banks: int = 2) -> Unit:
    """loops: count and stride, the outermost first."""
    counts, strides = zip(*loops, strict=True)
    style = memory_style(banks * prod(counts), width)
    return unit(
        "hg_reorder", Width=width, Words=prod(counts), Loops=len(loops), Counts=table(counts), Strides=table(strides), Banks=banks,
        RamStyle=int(style),
    )


def window(
    size: tuple[int, int], taps: tuple[int, int], windows: tuple[int, int], start: tuple[int, int], *,
    lanes: int = 1, blocks: int = 1, step: int = 1, steps: tuple[int, ...] = (), dilation: int = 1, groups: int = 1,
) -> Unit:
    """Of rows and columns: positions of the image, taps, windows, where the first one starts.  steps: uneven ones, of both."""
    (rows, cols), (kernel_rows, kernel_cols) = size, taps
    slots = min(rows, dilation * (kernel_rows - 1) + 2)
    step_bits = max(steps, default=0).bit_length()
    sizes = {
        "Width": 8, "Lanes": lanes, "Blocks": blocks, "Rows": rows, "Cols": cols, "OutRows": windows[0], "OutCols": windows[1],
        "KernelRows": kernel_rows, "KernelCols": kernel_cols, "DilationRows": dilation, "DilationCols": dilation,
        "RowStart": start[0], "ColStart": start[1], "Groups": groups, "PadValue": 0, "Slots": slots,
        "RamStyle": int(memory_style(slots * cols * blocks, 8 * lanes)),
    }
    walk = {"StepWidth": step_bits, "RowSteps": table(steps, step_bits), "ColSteps": table(steps, step_bits)}
    return unit("hg_window", **sizes, **(walk if steps else {"RowStep": step, "ColStep": step}))


UNITS: Final = (
    concat(32, 2, 3),
    concat(24, 4096, 4096, 1024),
    concat(16, 64, 100, 3, 8, 9, 1, 7, 20),
    select(8, Row=(28, 2, 25), Col=(28, 2, 25), Block=(4, 0, 3)),
    select(8, Row=(1000, 10, 900), Col=(30, 5, 6), Block=(5, 2, 3)),
    reorder(8, (3, 1), (4, 3)),
    reorder(16, (64, 1), (16, 64)),
    reorder(24, (8, 16), (16, 1), (4, 128)),
    reorder(8, (100, 1), (100, 100)),
    reorder(32, (7, 1), (7, 7), (6, 49), banks=1),
    window((28, 28), (3, 3), (28, 28), (-1, -1)),
    window((8, 8), (3, 3), (8, 8), (-1, -1), lanes=2),
    window((32, 32), (2, 2), (16, 16), (0, 0), lanes=4, blocks=4, step=2, groups=4),
    window((100, 1), (5, 1), (96, 1), (0, 0), lanes=4),
    window((16, 16), (1, 1), (32, 32), (0, 0), lanes=4, blocks=2, steps=(*(0, 1) * 15, 0)),
    window((64, 64), (5, 5), (64, 64), (-4, -4), lanes=8, blocks=16, dilation=2),
)


def ports(made: Unit) -> list[Port]:
    """All but clock and reset."""
    p = dict(made.parameters)
    bits, inputs = p["Width"] * p.get("Lanes", 1), p.get("Inputs", 1)
    return [
        ("in_valid_i", inputs, True), ("in_ready_o", inputs, False), ("in_data_i", inputs * bits, True), ("out_valid_o", 1, False),
        ("out_ready_i", 1, True), ("out_data_o", bits, False),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("target", [Target.ECP5, Target.XCUP])
def test_estimates_are_of_the_right_size_and_exact_in_blocks(target: Target, tmp_path: Path) -> None:
    hold_to_yosys(UNITS, ports, COSTS, target, tmp_path, ffs_within=0.2)


@pytest.mark.parametrize("target", Target)
def test_streams_that_only_pass_store_nothing_of_their_data(target: Target) -> None:
    for narrow, wide in ((concat(8, 2, 3), concat(64, 2, 3)), (select(8, Row=(4, 1, 2)), select(64, Row=(4, 1, 2)))):
        less, more = (COSTS[one.module](one, target) for one in (narrow, wide))
        assert less.ffs == more.ffs and more.brams == 0


@pytest.mark.parametrize("target", Target)
def test_counters_that_no_bound_needs_are_not_paid_for(target: Target) -> None:
    rows, blocks = (4, 0, 3), (4, 1, 2)
    with_rows = select(8, Row=rows, Col=(1, 0, 0), Block=blocks)
    assert select_cost(with_rows, target) == select_cost(select(8, Row=(1, 0, 0), Col=(1, 0, 0), Block=blocks), target)
    assert select_cost(with_rows, target).ffs < select_cost(select(8, Row=blocks, Col=(1, 0, 0), Block=rows), target).ffs


@pytest.mark.parametrize("target", [Target.ECP5, Target.XCUP])
def test_a_second_bank_and_more_rows_take_more_memory(target: Target) -> None:
    loops = ((64, 1), (64, 64))
    assert reorder_cost(reorder(16, *loops), target).brams == 2 * reorder_cost(reorder(16, *loops, banks=1), target).brams
    small, large = (window((64, 64), (k, k), (64, 64), (0, 0), lanes=8, blocks=4) for k in (3, 7))
    assert window_cost(small, target).brams < window_cost(large, target).brams
