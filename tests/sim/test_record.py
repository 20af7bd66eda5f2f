"""What a build keeps of its verification: the codes that were seen, what was run, and of which hardware."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest
from networks import mlp, random_codes

from hwgen import flow
from hwgen.formats import Integer
from hwgen.ir.graph import Value
from hwgen.ir.text import print_graph
from hwgen.ops.record import make
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.rtl.build_directory import Build
from hwgen.sim.distribution import MOST_BINS, codes_seen
from hwgen.sim.record import VERIFICATION, is_current, kept


def value_of(format_: Integer) -> Value:
    return make(INPUT, InputAttrs((1, 4), format_), [], "x", "x").output


def test_small_formats_have_one_bin_a_code() -> None:
    format_ = Integer(-2, 3)
    seen = codes_seen(value_of(format_), format_, np.array([[-2, -2, 0, 3], [1, 1, 1, -1]]))
    assert (seen.bins, seen.bin_codes, seen.count) == ((2, 1, 1, 3, 0, 1), 1, 8)
    assert (seen.at_low, seen.at_high, seen.quartiles) == (2, 1, (-2, -2, 0, 1, 3))
    assert (seen.format, seen.bits, seen.bits_used) == ("int3", 3, 3)


def test_bits_used_are_those_of_the_narrowest_format_that_holds_what_was_seen() -> None:
    wide, unsigned = Integer(-1000, 1000), Integer(0, 255)
    assert codes_seen(value_of(wide), wide, np.array([-8, 7])).bits_used == 4
    assert codes_seen(value_of(wide), wide, np.array([-9, 7])).bits_used == 5
    assert codes_seen(value_of(unsigned), unsigned, np.array([0, 15])).bits_used == 4
    assert codes_seen(value_of(unsigned), unsigned, np.array([0, 0])).bits_used == 1


def test_every_code_falls_in_its_bin(random: Random) -> None:
    for _ in range(50):
        low = random.randint(-100_000, 100_000)
        format_ = Integer(low, low + random.choice([1, 62, 63, 64, 65, random.randint(2, 10**6)]))
        codes = random_codes(format_, (200,), random.randrange(1 << 30))
        seen = codes_seen(value_of(format_), format_, codes)
        assert len(seen.bins) <= MOST_BINS and sum(seen.bins) == seen.count == 200
        edges = [format_.low + k * seen.bin_codes for k in range(len(seen.bins) + 1)]
        assert edges[-2] <= format_.high < edges[-1]
        wanted = [sum(a <= c < b for c in codes.tolist()) for a, b in pairwise(edges)]
        assert list(seen.bins) == wanted
        ordered = sorted(codes.tolist())
        assert (seen.quartiles[0], seen.quartiles[-1]) == (ordered[0], ordered[-1])
        assert list(seen.quartiles) == sorted(seen.quartiles)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("record")
    (folder / "model.hwg").write_text(print_graph(mlp((6, 8, 3), 1)))
    return flow.build(folder / "model.hwg", folder / "out", samples=20, seed=5).build_dir


@pytest.mark.slow
def test_a_build_keeps_its_verification_and_the_same_one_has_the_same_bytes(build: Path) -> None:
    made = Build(build)
    record = kept(made)
    assert record is not None and is_current(made, record)
    assert (record.samples, record.seed, record.mismatches, record.inputs) == (20, 5, 0, "random")
    said = made.manifest
    assert (record.latency_cycles, record.interval_cycles) == (said.predicted_latency_cycles, said.predicted_interval_cycles)
    assert [t.samples for t in record.trials[:2]] == [20, 20] and all(t.mismatches == 0 for t in record.trials)
    assert (record.codes[0].value, record.codes[-1].value) == (said.inputs[0].name, said.stages[-1].value)
    assert (build / "report.html").is_file()
    before = {name: (build / name).read_bytes() for name in (VERIFICATION, "report.html")}
    flow.simulate(build, samples=20, seed=5)
    assert {name: (build / name).read_bytes() for name in before} == before
    flow.simulate(build, samples=21, seed=5)
    again = kept(made)
    assert again is not None and again.samples == 21
    assert (build / "report.html").read_bytes() != before["report.html"]


@pytest.mark.slow
def test_a_verification_of_other_files_is_known_as_old(build: Path) -> None:
    flow.simulate(build, samples=3)
    record = kept(Build(build))
    assert record is not None and is_current(Build(build), record)
    top = build / "rtl" / "hwgen_top.v"
    top.write_text(top.read_text() + "\n")
    assert not is_current(Build(build), record)
