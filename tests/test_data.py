"""Data sets: what is read, what is refused and by which name, and how it is divided."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest
from networks import graph_of, mlp

from hwgen.data import Dataset, read_dataset
from hwgen.errors import HwgenError
from hwgen.ir.graph import NO_ATTRS, Graph
from hwgen.ops.arithmetic import ADD
from hwgen.ops.record import make
from hwgen.ops.source import INPUT, InputAttrs


def two_inputs(*names: str) -> Graph:
    values = [make(INPUT, InputAttrs((1, 3)), [], name, name).output for name in names]
    return graph_of(make(ADD, NO_ATTRS, values, "sum", "sum").output)


def test_arrays_are_found_by_the_names_of_the_inputs_and_targets_by_theirs(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", b=np.ones((2, 3)), a=np.zeros((2, 3), np.float32), y=np.array([0, 1], np.uint8))
    data = read_dataset(tmp_path / "d.npz", two_inputs("a", "b"))
    assert list(data.inputs) == ["a", "b"] and data.inputs["a"].dtype == np.float32 and data.samples == 2
    assert data.targets is not None and data.targets.tolist() == [0, 1]
    np.savez(tmp_path / "y.npz", x=np.ones((2, 3)), y=np.zeros((2, 3)), targets=np.array([0.5, 1.5]))
    data = read_dataset(tmp_path / "y.npz", two_inputs("x", "y"))
    assert list(data.inputs) == ["x", "y"] and data.targets is not None and data.targets.tolist() == [0.5, 1.5]


def test_the_only_input_may_be_called_x_and_a_plain_array_has_no_targets(tmp_path: Path) -> None:
    graph = mlp((4, 2), 1)
    np.savez(tmp_path / "d.npz", x=np.arange(8).reshape(2, 4))
    np.save(tmp_path / "d.npy", np.arange(8.0).reshape(2, 4))
    for name in ("d.npz", "d.npy"):
        data = read_dataset(tmp_path / name, graph)
        assert data.targets is None and data.inputs["x"].dtype == np.float64
        assert data.inputs["x"].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": np.zeros((2, 5))}, ("'d.npz', x", "(2, 5)", "(samples, 4)")),
        ({"x": np.array([[0, 0, 0, 0], [0, 0, np.nan, np.inf]])}, ("x: holds nan at sample 1, element 2 (2 such numbers)",)),
        ({"x": np.zeros((2, 4)), "y": np.array([1.0, np.inf])}, ("targets: holds inf at sample 1 (1 such numbers)",)),
        ({"x": np.zeros((2, 4)), "y": np.zeros(3)}, ("d.npz", "2 of x, 3 of targets")),
        ({"x": np.zeros((2, 4)), "z": np.zeros(2)}, ("z: is no input", "name the arrays x, y, targets")),
        ({"x": np.zeros((2, 4)), "target": np.zeros(2)}, ("did you mean targets?",)),
        ({"x": np.zeros((2, 4)), "y": np.zeros(2), "targets": np.zeros(2)}, ("the targets twice",)),
        ({"y": np.zeros(2)}, ("holds no array for input 'x'",)),
        ({"x": np.array([["a"]])}, ("is not one array of real numbers",)),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, arrays: dict, said: tuple[str, ...]) -> None:
    np.savez(tmp_path / "d.npz", **arrays)
    with pytest.raises(HwgenError) as error:
        read_dataset(tmp_path / "d.npz", mlp((4, 2), 1))
    assert all(text in str(error.value) for text in said), error.value


def test_a_plain_array_stands_for_one_input_only(tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", np.zeros((2, 3)))
    with pytest.raises(HwgenError, match="1 arrays for 2 inputs"):
        read_dataset(tmp_path / "d.npy", two_inputs("a", "b"))


def test_a_split_divides_the_samples_and_depends_on_the_seed_alone(random: Random) -> None:
    count = random.randint(2, 200)
    data = Dataset({"x": np.arange(count, dtype=np.float64)[:, None]}, np.arange(count))
    seed, share = random.randrange(1 << 30), random.randint(1, count - 1) / count
    one, other = data.split(share, seed)
    assert one.samples == round(share * count)
    assert sorted([*one.inputs["x"][:, 0].tolist(), *other.inputs["x"][:, 0].tolist()]) == list(range(count))
    for part, again in zip((one, other), data.split(share, seed), strict=True):
        assert part.targets is not None and part.targets.tolist() == part.inputs["x"][:, 0].tolist()
        assert part.sha256 == again.sha256
    with pytest.raises(HwgenError, match="one part empty"):
        data.split(0.2 / count, seed)


def test_the_hash_is_of_names_types_shapes_and_numbers() -> None:
    zeros = np.zeros((2, 2))
    sets = (
        Dataset({"x": zeros}), Dataset({"y": zeros}), Dataset({"x": zeros.astype(np.float32)}),
        Dataset({"x": zeros.reshape(2, 2, 1)}), Dataset({"x": zeros + 1}),
        Dataset({"x": zeros}, np.zeros(2)), Dataset({"x": zeros}, np.zeros(2, np.int64)),
    )
    assert len({data.sha256 for data in sets}) == len(sets)
    assert Dataset({"x": zeros.copy()}).sha256 == sets[0].sha256 == Dataset({"x": zeros}).part(slice(2)).sha256
    assert Dataset({"x": np.asfortranarray(zeros.astype(">f8"))}).sha256 == sets[0].sha256


def test_numbers_of_samples_that_differ_are_refused() -> None:
    for inputs, targets in (({}, None), ({"x": np.zeros((0, 2))}, None), ({"x": np.zeros((2, 2))}, np.zeros(()))):
        with pytest.raises(HwgenError, match="at least one"):
            Dataset(inputs, targets)
