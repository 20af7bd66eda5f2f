"""Layers whose blocks of zeros are skipped: what the plan, the folding and the estimate know of them."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from networks import mlp

from hwgen.dataflow.cycles import predict, size_fifos
from hwgen.dataflow.folding import for_interval, from_text
from hwgen.dataflow.layers import layer_rows
from hwgen.dataflow.plan import cycles_of, plan
from hwgen.dataflow.use import multiplier_use
from hwgen.flow import BuildOptions, lower
from hwgen.ir.graph import Graph
from hwgen.ops.block_schedule import Blocks, block_schedule, worthwhile_schedule
from hwgen.ops.record import Case
from hwgen.ops.table import INTEGER
from hwgen.pruning.blocks import block_masks, layer_blocks
from hwgen.pruning.layers import chosen_layers, with_masks


def random_blocks(random: Random) -> Blocks:
    """(groups, beats, output blocks) with any share of blocks that are not zeros."""
    dice = np.random.default_rng(random.getrandbits(32))
    shape = random.randint(1, 3), random.randint(1, 9), random.randint(1, 6)
    return dice.random(shape) < random.choice((0.0, 0.1, 0.5, 0.9, 1.0))


def pruned(share: float, parallelism: str) -> Graph:
    """Layers of 64, 32, 32 and 10."""
    graph = mlp((64, 32, 32, 10), 3)
    blocks, _ = layer_blocks(graph, chosen_layers(graph, ()), BuildOptions(parallelism=parallelism))
    masks = block_masks(blocks, share)
    return with_masks(graph, [(b.layer, m) for b, m in zip(blocks, masks, strict=True)])


def test_a_schedule_keeps_every_block_that_is_not_zeros_and_is_legal(random: Random) -> None:
    """As the header of hg_matvec says it."""
    for _ in range(300):
        blocks = random_blocks(random)
        schedule = block_schedule(blocks)
        kept = schedule.kept
        assert not (blocks & ~kept).any() and kept[0, 0].any() and kept.any(axis=1).all()
        last = kept.shape[1] - 1 - kept[:, ::-1].argmax(axis=1)
        assert (np.diff(last, axis=1) >= 0).all(), "sums end in order"
        counts = kept.sum(axis=2).ravel().tolist()
        waiting = 0
        for count, passes in zip(counts, schedule.passes.tolist(), strict=True):
            assert passes <= count
            if count:
                assert waiting == 0, "all that pass have passed"
                waiting = passes
            else:
                assert passes == 0
                waiting -= 1
        assert waiting == 0
        again = block_schedule(kept)
        assert (again.kept == kept).all(), "nothing is missing from what a schedule keeps"


def test_with_nothing_to_skip_there_is_no_schedule(random: Random) -> None:
    for _ in range(50):
        blocks = np.ones_like(random_blocks(random))
        assert worthwhile_schedule(blocks, random.randint(1, 100)) is None
        if blocks.size > 1:
            blocks.flat[random.randrange(blocks.size)] = False
            assert block_schedule(blocks).operations <= blocks.size


@pytest.mark.parametrize("op", ["matvec", "conv_codes"])
def test_folding_counts_the_cycles_that_the_unit_takes(op: str, random: Random) -> None:
    skipped = 0
    for _ in range(120):
        case: Case = INTEGER[op].sample(random)
        work, units = INTEGER[op].work, INTEGER[op].units(case.node, case.parallelism)
        assert work is not None
        assert cycles_of(work(case.node), case.parallelism) == units[-1].cycles, f"{case}"
        skipped += "Kept" in dict(units[-1].parameters)
    assert skipped > 10, "samples have blocks of zeros"


@pytest.mark.parametrize("parallelism", ["4x4", "8x8", "2x3", "16x5"])
def test_half_of_the_blocks_takes_at_most_half_of_the_cycles(parallelism: str) -> None:
    whole = lower(mlp((64, 32, 32, 10), 3)).graph
    half = lower(pruned(0.5, parallelism)).graph
    before, after = (size_fifos(plan(g, from_text(g, parallelism))) for g in (whole, half))
    for a, b in zip(before.stages, after.stages, strict=True):
        assert b.cycles <= a.cycles // 2
    assert predict(after).interval_cycles == after.ideal_interval_cycles <= before.ideal_interval_cycles // 2
    assert sum(r.rom_bits for r in layer_rows(after)) < 0.7 * sum(r.rom_bits for r in layer_rows(before))
    for stage in after.stages:
        use = multiplier_use(stage, stage.cycles)
        assert use is not None and 0.7 < use.products + use.filling <= 1


def test_an_interval_is_met_with_fewer_multipliers_where_blocks_are_skipped() -> None:
    whole, half = lower(mlp((64, 32, 32, 10), 3)).graph, lower(pruned(0.5, "4x4")).graph
    for interval in (64, 32):
        flows = [plan(g, for_interval(g, interval)) for g in (whole, half)]
        assert all(f.ideal_interval_cycles <= max(interval, 64) for f in flows)
        assert flows[1].multipliers < flows[0].multipliers
