"""Interpolation between positions: reals and lowered integers equal torch and ONNX Runtime, exactly where these do not round."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from networks import quantized
from peers.support import Calls, OnnxFile, codes_for, integers_of
from torch.nn import functional

from hwgen.errors import HwgenError
from hwgen.frontend.onnx_reader import read_onnx
from hwgen.frontend.torch_export import read_torch
from hwgen.ir.graph import Array, Graph, topological
from hwgen.numerics.surd import Surd
from hwgen.ops.interpolate import INTERPOLATE, InterpolateAttrs, Line
from hwgen.ops.record import make
from hwgen.ops.run import evaluate
from hwgen.ops.scalar import SCALE_BIAS, ScaleBiasAttrs
from hwgen.ops.source import INPUT, InputAttrs

CASES = 12


def integers(graph: Graph, seed: int) -> tuple[Array, Array]:
    """Codes of the input, and what the lowered integers and the graph of reals both say of them."""
    lowered = integers_of(graph)
    codes = codes_for(lowered, seed)
    found = evaluate(lowered, codes, lowered.outputs)[lowered.outputs[0]]
    reals = evaluate(graph, {k: v.astype(np.float64) for k, v in codes.items()}, graph.outputs)[graph.outputs[0]]
    assert found.shape == reals.shape and np.allclose(found, reals, rtol=1e-12, atol=1e-12)
    return codes[lowered.inputs[0].name], found


def by_definition(x: Array, line: Line, axis: int) -> Array:
    """In rational numbers, from the neighbours and the distance."""
    result = []
    for k in range(line.count):
        place = min(max(Fraction(line.first + line.step * k, line.parts), Fraction(0)), Fraction(line.size - 1))
        left = int(place)
        right, share = min(left + 1, line.size - 1), place - left
        result.append(x.take(left, axis=axis) * (1 - share) + x.take(right, axis=axis) * share)
    return np.stack(result, axis=axis)


def test_sums_of_repeated_positions_are_the_lines_between_neighbours(seed: int) -> None:
    random = Random(seed)
    for _ in range(CASES):
        size, count, parts = random.randint(1, 6), random.randint(1, 9), random.randint(1, 12)
        line = Line(size, count, random.randint(-2 * parts, 2 * parts), random.randint(1, 2 * parts), parts)
        source = make(INPUT, InputAttrs((1, 2, size)), [], "x", "x").output
        attrs = InterpolateAttrs((line.count, line.first, line.step, line.parts))
        value = make(INTERPOLATE, attrs, [source], "y", "y").output
        codes, found = integers(Graph("g", topological([value], [source.producer]), (value,)), seed)
        wanted = by_definition(codes.astype(object), line, 2)
        assert np.array_equal(np.rint(found * parts), (wanted * parts).astype(np.float64)), line
        assert np.allclose(found, wanted.astype(np.float64), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("factors", [(2, 2), (4, 1), (1, 8)])
def test_weights_that_floats_hold_equal_torch_exactly(factors: tuple[int, int], align_corners: bool, seed: int) -> None:
    shape = (3, 5)
    size = [(n - 1) * f + 1 if align_corners else n * f for n, f in zip(shape, factors, strict=True)]
    check((2, *shape), {"size": size, "mode": "bilinear", "align_corners": align_corners}, seed, exact=True)


def check(shape: tuple[int, ...], options: dict[str, Any], seed: int, *, exact: bool) -> None:
    graph = read_torch(Calls(lambda m, x: functional.interpolate(x, **options)), torch.zeros(1, *shape, dtype=torch.float64))
    codes, found = integers(graph, seed)
    wanted = functional.interpolate(torch.tensor(codes, dtype=torch.float64), **options).numpy()
    assert found.shape == wanted.shape and np.allclose(found, wanted, rtol=1e-12, atol=1e-12)
    assert not exact or np.array_equal(found, wanted)


def test_any_factor_equals_torch(seed: int) -> None:
    random, refused = Random(seed), 0
    for _ in range(CASES):
        rank, corners = random.choice((1, 2)), random.random() < 0.5
        shape = (random.randint(1, 3), *(random.randint(1, 7) for _ in range(rank)))
        options: dict[str, Any] = {"mode": "bilinear" if rank == 2 else "linear", "align_corners": corners}
        if random.random() < 0.4:
            options["scale_factor"] = random.choice((2.0, 3.0, 1.5, 2.5, 0.5)) if min(shape[1:]) > 1 else 3.0
        else:
            options["size"] = [random.randint(1, 15) for _ in range(rank)]
        try:
            check(shape, options, seed, exact=False)
        except HwgenError as error:
            assert "ths; resize by a whole factor" in str(error)
            refused += 1
    assert refused < CASES / 2


MODES = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]


@pytest.mark.parametrize("rows", [(2, 0, 0, 2), (0, 0, 1, 1), (2, 0, -1, 1), (2, 0, 1, 0), (2, 0, 1, 65), (2, 0, 1)])
def test_lines_that_make_no_sense_are_refused(rows: tuple[int, ...]) -> None:
    source = make(INPUT, InputAttrs((1, 2, 4)), [], "x", "x").output
    with pytest.raises(HwgenError, match="steps in at most 64 parts that never fall"):
        make(INTERPOLATE, InterpolateAttrs(rows), [source], "y", "y")


@pytest.mark.parametrize("mode", MODES)
def test_files_equal_onnx_runtime(mode: str, tmp_path: Path, seed: int) -> None:
    runtime = pytest.importorskip("onnxruntime")
    for scales, sizes in (([1, 1, 2, 3], None), (None, [1, 2, 9, 7])):
        file = OnnxFile(tmp_path / "m.onnx", (1, 2, 5, 4))
        operands = ["x", "", file.constant(scales)] if scales else ["x", "", "", file.constant(sizes, np.int64)]
        path = file.save(file.add("Resize", operands, mode="linear", coordinate_transformation_mode=mode))
        codes, found = integers(read_onnx(path).require(), seed)
        session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        wanted = np.concatenate([session.run(None, {"x": c[None].astype(np.float32)})[0] for c in codes])
        assert found.shape == wanted.shape and np.allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_channels_may_stand_last(tmp_path: Path, seed: int) -> None:
    file = OnnxFile(tmp_path / "m.onnx", (1, 5, 4, 2))
    path = file.save(file.add("Resize", ["x", "", file.constant([1, 2, 2, 1])], mode="linear"))
    codes, found = integers(read_onnx(path).require(), seed)
    first = torch.tensor(np.moveaxis(codes, 3, 1), dtype=torch.float64)
    wanted = functional.interpolate(first, scale_factor=2.0, mode="bilinear").numpy()
    assert np.array_equal(found, np.moveaxis(wanted, 1, 3))


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ({"mode": "cubic"}, "use mode nearest or linear"),
        ({"mode": "linear", "antialias": 1}, "antialias=1"),
        ({"mode": "linear", "exclude_outside": 1}, "exclude_outside=1"),
        ({"mode": "linear", "coordinate_transformation_mode": "tf_crop_and_resize"}, "use one of half_pixel"),
        ({"mode": "linear", "coordinate_transformation_mode": "align_corners"}, "5 positions to 10 with weights in 9ths"),
    ],
)
def test_what_is_no_line_between_few_parts_is_refused(
    attributes: dict[str, Any], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hwgen.ops.interpolate.MAX_PARTS", 8)
    file = OnnxFile(tmp_path / "m.onnx", (1, 2, 5, 4), opset=18)
    path = file.save(file.add("Resize", ["x", "", file.constant([1, 1, 2, 2])], **attributes))
    with pytest.raises(HwgenError) as caught:
        read_onnx(path).require()
    assert says in str(caught.value) and "; " in str(caught.value)


def test_codes_of_one_bit_are_interpolated_as_numbers(seed: int) -> None:
    source = make(INPUT, InputAttrs((1, 2, 4)), [], "x", "x").output
    value = make(INTERPOLATE, InterpolateAttrs((8, -1, 2, 4)), [source], "y", "y").output
    lowered = integers_of(Graph("g", topological([value], [source.producer]), (value,)), "binary")
    codes = codes_for(lowered, seed)
    wanted = functional.interpolate(torch.tensor(codes["x"], dtype=torch.float64), scale_factor=2.0, mode="linear").numpy()
    assert np.array_equal(evaluate(lowered, codes, lowered.outputs)[lowered.outputs[0]], wanted)


def test_channels_keep_their_scales_and_offsets(seed: int) -> None:
    source = make(INPUT, InputAttrs((1, 2, 4)), [], "x", "x").output
    attrs = ScaleBiasAttrs((Surd.of(3), Surd.of(-2)), (Surd.of(5), Surd.of(1)), 1)
    scaled = make(SCALE_BIAS, attrs, [quantized(source, "int4[scale=1]", "q")], "s", "s").output
    value = make(INTERPOLATE, InterpolateAttrs((8, -1, 2, 4)), [scaled], "y", "y").output
    lowered = integers_of(Graph("g", topological([value], [source.producer]), (value,)), None, None)
    codes = codes_for(lowered, seed)
    reals = codes["x"] * np.array([[3.0], [-2.0]]) + np.array([[5.0], [1.0]])
    wanted = functional.interpolate(torch.tensor(reals), scale_factor=2.0, mode="linear").numpy()
    assert np.array_equal(evaluate(lowered, codes, lowered.outputs)[lowered.outputs[0]], wanted)
