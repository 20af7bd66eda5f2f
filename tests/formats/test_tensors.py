"""Formats on torch tensors: the same bits as on NumPy arrays, and gradients that go straight through."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from hwgen.errors import HwgenError
from hwgen.formats import EXAMPLES, REAL, Quantized, parse, parse_quantizer

torch = pytest.importorskip("torch")
from hwgen.formats.tensors import fake_quantize, members  # noqa: E402

TEXTS = (
    *(e.text for e in EXAMPLES), "minifloat<5,2,ieee,inf>", "minifloat<4,3,fn,inf>", "minifloat<4,3,fnuz>",
    "minifloat<4,3,denormed>", "minifloat<2,1,nosub>", "minifloat<3,0>", "minifloat<3,0,nosub>", "minifloat<4,3,max=240>",
    "log<3,zero,bias=5>",
    "log<7>", "bfloat16", "float16", "mxint<4,4,5>[axis=0]", "mxfp4<e2m1,16>[axis=1]", "blog<3,6,16,zero>",
    "minifloat<4,3>[scale=1/3]",
    "minifloat<4,3>[scale=1 1/3 0.1,axis=0]", "log<4>[scale=0.7 3,axis=2]", "int8[scale=1 1/3 0.1,zero=0 1 2,axis=0]",
    "uint30[scale=0.1]", "binary[scale=1/3 2,axis=-1]", "int4[narrow=1]", "fixed<31,8,trn>",
    *(f"minifloat<3,2,{mode}>" for mode in ("trn", "ceil", "trn_zero", "up", "rnd_inf", "rnd_zero", "rnd")),
    *(f"fixed<6,3,{mode}>" for mode in ("ceil", "trn_zero", "up", "rnd_inf", "rnd_zero", "rnd")), "log<3,up>",
)


def _data(random: Random, dtype: type[np.floating], *, mild: bool) -> np.ndarray:
    """All magnitudes, members and ties of coarse grids, zeros of both signs, subnormals."""
    numbers = np.random.default_rng(random.getrandbits(32))
    shape = (3, 300, 2)
    data = numbers.normal(size=shape) * np.exp2(numbers.integers(-14, 14, shape))
    data = np.where(numbers.random(shape) < 0.4, numbers.integers(-40, 40, shape) * np.exp2(numbers.integers(-12, 8, shape)), data)
    if not mild:
        data[0, :8, 0] = 0.0, -0.0, 1e-45, -1e-45, 1e-39, 3e38, -3e38, 1e30
    return data.astype(dtype)


@pytest.mark.parametrize("text", TEXTS)
def test_tensors_become_the_same_bits_as_arrays(text: str, random: Random) -> None:
    format_ = parse_quantizer(text)
    for dtype, bits in ((np.float32, np.uint32), (np.float64, np.uint64)):
        data = _data(random, dtype, mild=isinstance(format_, Quantized) and format_.wraps)
        array, tensor = format_.quantize_real(data), fake_quantize(torch.from_numpy(data), format_).numpy()
        assert array.dtype == tensor.dtype == dtype
        different = array.view(bits) != tensor.view(bits)
        assert not different.any(), f"{data[different][:3]}: {array[different][:3]} and {tensor[different][:3]}"


def test_blocks_lie_along_the_axis_that_is_asked_for(random: Random) -> None:
    data = _data(random, np.float32, mild=True)
    for axis in (0, 1, 2, -2):
        ours = fake_quantize(torch.from_numpy(data), parse("mxint<4,8,8>"), axis)
        assert np.array_equal(ours.numpy(), parse_quantizer("mxint<4,8,8>").quantize_real(data, axis))  # pyright: ignore[reportCallIssue]


def _gradient(values: list[float], text: str, *, cut: bool) -> list[float]:
    tensor = torch.tensor(values, requires_grad=True)
    fake_quantize(tensor, parse(text), cut_saturated=cut).sum().backward()
    assert tensor.grad is not None
    return tensor.grad.tolist()


@pytest.mark.parametrize(
    ("text", "values", "inside"),
    [
        ("fixed<4,4>", [-9.0, -8.4, 0.3, 7.4, 7.9], [0, 1, 1, 1, 0]),
        ("minifloat<2,1>", [-7.5, -6.0, 0.1, 6.4, 9.0], [0, 1, 1, 1, 0]),
        ("log<2>", [0.0, 1.1, 4.5, 7.0, -99.0], [1, 1, 1, 0, 0]), ("mxint<4,8,8>", [1.0, 1.98, -0.01, 0.0, 0.5], [1, 0, 1, 1, 1]),
        ("binary[scale=1/2]", [-0.6, -0.4, 0.0, 0.5, 0.9], [0, 1, 1, 1, 0]),
        ("ternary", [-1.6, -1.0, 0.0, 1.0, 2.0], [0, 1, 1, 1, 0]),
        ("mxfp4<e2m1>", [7.9, -7.9, 0.0, 1.0, 6.5], [0, 0, 1, 1, 1]),
    ],
)
def test_gradients_go_straight_through_and_are_cut_where_values_saturate(text: str, values: list[float], inside: list[int]) -> None:
    assert _gradient(values, text, cut=False) == [1.0] * 5
    assert _gradient(values, text, cut=True) == inside


def test_the_real_format_leaves_tensors_as_they_are() -> None:
    tensor = torch.ones(3)
    assert fake_quantize(tensor, REAL) is tensor


def test_tensors_of_integers_and_formats_of_the_integer_graph_are_refused() -> None:
    with pytest.raises(HwgenError, match=r"not torch\.int64"):
        fake_quantize(torch.arange(3), parse("int8"))
    with pytest.raises(HwgenError, match="not what a quantizer makes"):
        members(torch.ones(3), parse("int<0,3>[scale=1,offset=0]"))


def test_numbers_that_the_tensor_cannot_hold_are_refused_as_for_arrays() -> None:
    for text in ("int8[scale=1e-60]", "minifloat<8,3>", "log<8,bias=200>"):
        with pytest.raises(HwgenError, match="float32 cannot hold"):
            fake_quantize(torch.ones(3), parse(text))
