"""``hwgen prune``: half of the blocks takes half of the cycles, in simulation; what is asked wrongly is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.ir.text import print_graph
from tests.cli.support import Hwgen, write_mlp
from tests.networks import mlp as quantized_mlp
from tests.pruning.test_layers import network

PRECISION = ("--precision", "fixed<6,2>")


@pytest.mark.slow
def test_half_of_the_blocks_takes_at_most_055_of_the_cycles_simulated(hwgen: Hwgen, tmp_path: Path) -> None:
    """Of a dense layer and of convolutions, each alone and all of them together, bit for bit and in the cycles predicted."""
    for name, graph, parallelism in (("dense", quantized_mlp((64, 32, 10), 1), "8x8"), ("images", network(3), "2x2")):
        model = tmp_path / f"{name}.hwg"
        model.write_text(print_graph(graph))
        pruned = tmp_path / f"{name}.pruned.hwg"
        asked = ("--by", "blocks", "--share", "0.5", "--parallelism", parallelism)
        made = hwgen("prune", model, *asked, "--out", pruned, "--json").record
        layers = {row["layer"]: row for row in made["layers"]}
        fast = [n for n, row in layers.items() if row["after"]["cycles"] <= 0.55 * row["before"]["cycles"]]
        assert set(layers) - set(fast) <= {"up"}, "each of its beats brings two blocks only"
        assert all(layers[n]["after"]["blocks"] <= 0.5 * layers[n]["before"]["blocks"] for n in fast)
        seen = {}
        for file in (model, pruned):
            out = tmp_path / f"{file.name}.build"
            record = hwgen("build", file, "--parallelism", parallelism, "--samples", 6, "--out", out, "--json").record
            assert record["verification"]["mismatches"] == 0
            seen[file] = record["performance"]
            assert seen[file]["interval_cycles"] == seen[file]["predicted_interval_cycles"]
            assert seen[file]["latency_cycles"] == seen[file]["predicted_latency_cycles"]
        if name == "dense":
            assert seen[pruned]["interval_cycles"] <= 0.55 * seen[model]["interval_cycles"]


@pytest.mark.parametrize("by", ["magnitude", "n:m", "channels", "blocks"])
def test_every_way_writes_a_model_that_can_be_read_again_and_says_what_it_did(by: str, hwgen: Hwgen, mlp: Path) -> None:
    done = hwgen("prune", mlp, "--by", by, *PRECISION, "--parallelism", "2x1", "--out", "p.hwg", "--json")
    assert done.code == 0, done.err
    record = done.record
    assert (record["by"], [row["layer"] for row in record["layers"]]) == (by, ["fc1", "fc2"])
    first = record["layers"][0]
    lost = first["before"]["weights"] - first["after"]["weights"] + first["after"]["zeros"]
    assert 0.3 * first["before"]["weights"] <= lost <= 0.7 * first["before"]["weights"]
    assert bool(record["left"]) == (by == "channels")
    assert hwgen("check", "p.hwg", *PRECISION).code == 0
    text = hwgen("prune", mlp, "--by", by, *PRECISION, "--explain").out
    assert "fc1" in text and "written to build/mlp.pruned.hwg" in text and Path("build/mlp.pruned.hwg").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--by", "blocks", "--share", "1"), "no share of weights to prune"),
        (("--by", "n:m", "--pattern", "4:2"), "keeps nothing, or all"),
        (("--by", "n:m", "--pattern", "half"), "is no N:M"),
        (("--by", "magnitude", "--layers", "fc3"), "did you mean fc"),
        (("--by", "channels", "--layers", "fc2"), "its channels cannot go"),
        (("--by", "blocks", "--parallelism", "fc9=2x2"), "no layer 'fc9'"),
        (("--by", "blocks", "--out", "p.onnx"), "does not end in .hwg"),
        (("--by", "luck"), "luck"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_2(arguments: tuple[str, ...], said: str, hwgen: Hwgen, tmp_path: Path) -> None:
    done = hwgen("prune", write_mlp(tmp_path / "m.onnx"), *PRECISION, *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err and done.err.count("\n") == 1
    assert not list(tmp_path.rglob("*.hwg"))
