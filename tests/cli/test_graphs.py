"""The commands on a network of branches with two inputs and two outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen.ir.text import print_graph
from tests.branching import branching
from tests.cli.support import Hwgen

PARALLELISM = ("--parallelism", "2x2")


@pytest.fixture
def branches(tmp_path: Path) -> Path:
    """The lowered network as a file."""
    path = tmp_path / "branches.hwg"
    path.write_text(print_graph(branching(1)))
    return path


def samples() -> dict[str, np.ndarray]:
    """Codes of both inputs, as reals too: their scales are 1."""
    random = np.random.default_rng(5)
    return {"map": random.integers(0, 16, (3, 6, 5, 4)), "image": random.integers(-8, 8, (3, 2, 6, 5))}


def test_a_build_of_branches_is_verified_and_tells_them(hwgen: Hwgen, branches: Path) -> None:
    done = hwgen("build", branches, *PARALLELISM, "--samples", 4, "--json")
    assert done.code == 0, done.err
    record = done.record
    assert record["verification"]["mismatches"] == 0
    performance = record["performance"]
    assert performance["latency_cycles"] == performance["predicted_latency_cycles"]
    assert performance["interval_cycles"] == performance["predicted_interval_cycles"]
    assert sorted((b["source"], b["target"]) for b in record["branches"]) == [
        ("image", "conv1"), ("image", "skip"), ("image", "wide.byte"), ("shift", "conv2"), ("shift", "pool"),
    ]
    assert record["memory_bits"]["branch_fifos"] == sum(b["bits"] for b in record["branches"])
    places = {p["place"]: p for p in hwgen("show", record["build_dir"], "--stages", "--json").record["stages"]}
    assert [t["from"] for t in places["4"]["takes"]] == ["3", "in1"], "a sum of a stage and an input"
    shown = hwgen("show", record["build_dir"], "--stages").out
    assert "in1" in shown and "FIFO of" in shown


def test_inputs_come_by_name_or_in_their_order(hwgen: Hwgen, branches: Path, tmp_path: Path) -> None:
    assert hwgen("emit", branches, *PARALLELISM, "--out", "made").code == 0
    arrays = samples()
    np.savez("inputs.npz", **arrays)
    by_name = hwgen("sim", "made", "--inputs", "inputs.npz", "--json")
    assert by_name.code == 0, by_name.err
    assert by_name.record["verification"] == {"samples": 3, "mismatches": 0, "first_difference": None}
    kept = (tmp_path / "made" / "verification.json").read_text()
    Path("codes").mkdir()
    for number, name in enumerate(("image", "map")):
        np.save(f"codes/{number}.npy", arrays[name])
    assert hwgen("sim", "made", "--codes", "codes").code == 0
    assert (tmp_path / "made" / "verification.json").read_text() == kept, "the same codes give the same record"


def test_arrays_that_fit_no_input_are_refused_by_name(hwgen: Hwgen, branches: Path) -> None:
    assert hwgen("emit", branches, *PARALLELISM, "--out", "made").code == 0
    arrays = samples()
    np.savez("wrong.npz", image=arrays["image"], mpa=arrays["map"])
    np.save("one.npy", arrays["image"])
    np.savez("short.npz", image=arrays["image"], map=arrays["map"][:2])
    for file in ("wrong.npz", "one.npy", "short.npz"):
        done = hwgen("sim", "made", "--inputs", file)
        assert done.code == 2
        assert "image" in done.err and "map" in done.err and done.err.count("\n") == 1


def test_estimate_and_inspect_tell_windows_sums_and_branches(hwgen: Hwgen, branches: Path) -> None:
    shown = hwgen("estimate", branches, *PARALLELISM, "--target", "ecp5").out
    for word in ("branch from", "on padding", "buffer bits", "FIFOs of branches"):
        assert word in shown
    how = {row["layer"]: row["how"] for row in hwgen("inspect", branches, "--json").record["values"]}
    assert how["conv1"].startswith("2x4, kernel 3x3, weights -")
    assert (how["shift"], how["pool"]) == ("add of 3*a and b - 2", "max of 2x2")
