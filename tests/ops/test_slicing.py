"""Parts of a tensor as files and modules write them: the numbers of ONNX Runtime and torch, or a refusal that says why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from peers.support import OnnxFile

from hwgen.errors import HwgenError
from hwgen.formats import Integer
from hwgen.frontend.onnx_reader import read_onnx
from hwgen.frontend.torch_export import read_torch
from hwgen.ir.graph import Array
from hwgen.ops.record import make
from hwgen.ops.run import evaluate
from hwgen.ops.slicing import SELECT, SLICE, SelectAttrs, SliceAttrs
from hwgen.ops.source import INPUT, InputAttrs

SHAPE = (1, 5, 6, 7)
FAR = (1 << 63) - 1


def numbers(shape: tuple[int, ...] = SHAPE) -> Array:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def ours(path: Path) -> list[Array]:
    graph = read_onnx(path).require()
    found = evaluate(graph, {"x": numbers().astype(np.float64)}, graph.outputs)
    return [found[value] for value in graph.outputs]


def assert_as_onnx_runtime(path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    wanted = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"x": numbers()})
    found = ours(path)
    assert len(found) == len(wanted) and all(np.array_equal(f, w) for f, w in zip(found, wanted, strict=True))


def slice_file(path: Path, *operands: list[int] | None) -> Path:
    """starts, ends, axes, steps; None: left out."""
    file = OnnxFile(path, SHAPE)
    names = ["" if o is None else file.constant(o, np.int64) for o in operands]
    return file.save(file.add("Slice", ["x", *names]))


def random_limits(random: Random, size: int) -> tuple[int, int]:
    """Start and end of a part that is not empty, counted from either end or past it."""
    first = random.randrange(size)
    last = random.randint(first + 1, size)
    end = random.choice((last, last - size)) if last < size else random.choice((size, size + 3, FAR))
    return random.choice((first, first - size)), end


def test_slices_along_some_axes_are_those_of_onnx_runtime(random: Random, tmp_path: Path) -> None:
    for _ in range(25):
        axes = random.sample((1, 2, 3), random.randint(1, 3))
        starts, ends = zip(*(random_limits(random, SHAPE[a]) for a in axes), strict=True)
        steps = random.choice((None, [random.randint(1, 8) for _ in axes]))
        signed = [random.choice((a, a - 4)) for a in axes]
        assert_as_onnx_runtime(slice_file(tmp_path / "m.onnx", list(starts), list(ends), signed, steps))


def test_without_axes_the_first_ones_are_meant(tmp_path: Path) -> None:
    for starts, ends in (([0, 1, 2], [FAR, 4, 5]), ([0, 1, 2, 3], [1, 5, 6, 7]), ([0], [1])):
        assert_as_onnx_runtime(slice_file(tmp_path / "m.onnx", starts, ends))
    assert_as_onnx_runtime(slice_file(tmp_path / "m.onnx", [0, 1], [1, 5], None, [1, 2]))
    assert_as_onnx_runtime(slice_file(tmp_path / "m.onnx", [0, 2], [1, 4], [-4, -1]))


def test_slices_before_opset_10_have_attributes(tmp_path: Path) -> None:
    for attributes in ({"starts": [1, -3], "ends": [4, FAR], "axes": [2, 3]}, {"starts": [0, 2], "ends": [1, -1]}):
        file = OnnxFile(tmp_path / "m.onnx", SHAPE, 9)
        assert_as_onnx_runtime(file.save(file.add("Slice", ["x"], **attributes)))
    for attributes in ({"starts": [1]}, {"ends": [1]}):
        file = OnnxFile(tmp_path / "m.onnx", SHAPE, 9)
        with pytest.raises(HwgenError, match="no starts or ends"):
            ours(file.save(file.add("Slice", ["x"], **attributes)))


@pytest.mark.parametrize(
    ("operands", "says"),
    [
        (([0], [1], [4]), "axis 4 of a tensor of 4 axes"), (([0], [1], [-5]), "axis -5 of"), (([1], [4], [1], [-1]), "step -1"),
        (([4], [1], [1], [-1]), "step -1"), (([0], [3], [1], [0]), "step 0"), (([3], [3], [1]), "nothing is left of axis 1"),
        (([3], [1], [1]), "nothing is left"), (([1], [FAR], [0]), "nothing is left of axis 0"),
        (([0, 0], [1], [1]), "as many starts"), (([0], [1], [1, 2]), "as many starts"), (([0], [1], [1], [1, 1]), "as many starts"),
    ],
)
def test_slices_of_nothing_backwards_or_nowhere_are_refused(operands: tuple[list[int], ...], says: str, tmp_path: Path) -> None:
    with pytest.raises(HwgenError, match=says):
        ours(slice_file(tmp_path / "m.onnx", *operands))


def split_file(path: Path, count: int, sizes: list[int] | None = None, *, opset: int = 13, **attributes: object) -> Path:
    file = OnnxFile(path, SHAPE, opset)
    operands = ["x"] if sizes is None else ["x", file.constant(sizes, np.int64)]
    file.add("Split", operands, outputs=count, **attributes)
    return file.save(*(f"v0_{k}" for k in range(count)))


def test_splits_are_those_of_onnx_runtime(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    for axis, sizes in ((1, [2, 3]), (1, [5]), (-1, [1, 4, 2]), (2, [3, 3]), (0, [1])):
        assert_as_onnx_runtime(split_file(path, len(sizes), sizes, axis=axis))
        assert_as_onnx_runtime(split_file(path, len(sizes), opset=11, axis=axis, split=sizes))
    assert_as_onnx_runtime(split_file(path, 1))
    for axis, count in ((2, 3), (-2, 2), (3, 7), (1, 1)):
        assert_as_onnx_runtime(split_file(path, count, axis=axis))
    for axis, count in ((1, 2), (1, 3), (3, 4), (-1, 3)):
        assert_as_onnx_runtime(split_file(path, count, opset=18, axis=axis, num_outputs=count))


@pytest.mark.parametrize(
    ("axis", "sizes", "says"),
    [
        (1, [2, 2], "parts of"), (1, [2, 4], "parts of"), (1, [5, 0], "parts of"), (1, [6, -1], "parts of"), (4, [2, 3], "axis 4"),
        (-5, [1, 1], "axis -5"), (1, [2, 3, 1], "parts of"),
    ],
)
def test_splits_that_do_not_fill_the_axis_are_refused(axis: int, sizes: list[int], says: str, tmp_path: Path) -> None:
    with pytest.raises(HwgenError, match=says):
        ours(split_file(tmp_path / "m.onnx", len(sizes), sizes, axis=axis))


Cut = Callable[[torch.Tensor], torch.Tensor | Sequence[torch.Tensor]]
CUTS: dict[str, Cut] = {
    "select": lambda x: x.select(2, 3), "select from the end": lambda x: x.select(-1, -2), "index": lambda x: x[:, 4],
    "last index": lambda x: x[:, :, -6], "narrow": lambda x: x.narrow(1, 1, 3), "narrow from the end": lambda x: x.narrow(-1, 2, 5),
    "split": lambda x: x.split(2, dim=1), "even split": lambda x: x.split(3, dim=2), "whole split": lambda x: x.split(9, dim=3),
    "sizes": lambda x: x.split([1, 4], dim=1), "chunk": lambda x: x.chunk(4, dim=3), "even chunk": lambda x: x.chunk(3, -2),
    "too many chunks": lambda x: x.chunk(9, 1), "slice": lambda x: x[:, 1:-1, ::2, 3:], "all": lambda x: x[:, :, 0:6],
    "step past the end": lambda x: x[:, :, 4::5], "default dim": lambda x: x.split(1),
}


class AllCuts(torch.nn.Module):
    """Every part of every cut."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        made = [cut(x) for cut in CUTS.values()]
        return tuple(part for parts in made for part in ([parts] if isinstance(parts, torch.Tensor) else parts))


def test_parts_of_modules_are_those_of_torch() -> None:
    x = torch.tensor(numbers(), dtype=torch.float64)
    graph, wanted = read_torch(AllCuts(), x, "m"), AllCuts()(x)
    found = evaluate(graph, {graph.inputs[0].name: x.numpy()}, graph.outputs)
    assert len(graph.outputs) == len(wanted)
    assert all(np.array_equal(found[v], w.numpy()) for v, w in zip(graph.outputs, wanted, strict=True))


@pytest.mark.parametrize(
    "attrs",
    [
        SliceAttrs(0, 0, 1), SliceAttrs(4, 0, 1), SliceAttrs(-1, 0, 1), SliceAttrs(1, -1, 2), SliceAttrs(1, 0, 0),
        SliceAttrs(1, 0, 6), SliceAttrs(1, 0, 2, 0), SliceAttrs(1, 4, 2), SliceAttrs(2, 0, 3, 3), SliceAttrs(1, 5, 1),
    ],
)
def test_a_slice_stays_inside_the_tensor(attrs: SliceAttrs) -> None:
    source = make(INPUT, InputAttrs(SHAPE), [], "x", "x").output
    make(SLICE, SliceAttrs(2, 0, 2, 5), [source], "y", "y")
    with pytest.raises(HwgenError, match="stay inside the tensor"):
        make(SLICE, attrs, [source], "y", "y")


@pytest.mark.parametrize(
    ("firsts", "counts"),
    [
        ((0, 0, 0), (1, 2, 8)), ((0, 0, 0), (1, 4, 2)), ((0, 2, 0), (1, 2, 2)), ((0, -1, 0), (1, 2, 2)), ((0, 0, 0), (1, 0, 2)),
        ((0, 0), (1, 2)), ((0, 0, 0), (1, 2)), ((0, 0, 0, 0), (1, 1, 1, 1)), ((0, 0, 6), (1, 2, 2)),
    ],
)
def test_a_box_stays_inside_the_tensor(firsts: tuple[int, ...], counts: tuple[int, ...]) -> None:
    source = make(INPUT, InputAttrs((1, 3, 7), Integer(0, 7)), [], "x", "x").output
    make(SELECT, SelectAttrs((0, 1, 5), (1, 2, 2)), [source], "y", "y")
    with pytest.raises(HwgenError, match="stay inside the tensor"):
        make(SELECT, SelectAttrs(firsts, counts), [source], "y", "y")
