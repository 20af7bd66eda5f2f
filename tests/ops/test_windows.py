"""Windows of codes: the references equal plain loops, and the hardware as data says the same order of beats."""

from __future__ import annotations

from itertools import pairwise, product
from random import Random

import numpy as np
import numpy.typing as npt
import pytest

from hwgen.dataflow.unit import Role, Unit, WindowTiming, tensor_beats
from hwgen.errors import HwgenError
from hwgen.formats import Integer
from hwgen.ir.graph import Node
from hwgen.ops.depthwise import DEPTHWISE
from hwgen.ops.lane_pool import POOL_CODES, PoolAttrs
from hwgen.ops.record import Case, IntegerOp, attrs_as, make
from hwgen.ops.sampling import codes_format, random_format
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.ops.window import Axis, Window, image_size
from hwgen.ops.window_conv import CONV_CODES, ConvAttrs

IntArray = npt.NDArray[np.int64]
SAMPLES = 200
OPS = (CONV_CODES, DEPTHWISE, POOL_CODES)


def codes_for(node: Node, random: Random, count: int = 2) -> IntArray:
    """A batch: all least, all greatest, and random ones."""
    format_, shape = codes_format(node.inputs[0]), node.inputs[0].type.shape[1:]
    dice = np.random.default_rng(random.getrandbits(32))
    some = [dice.integers(format_.low, format_.high, shape, endpoint=True) for _ in range(count)]
    if format_.bipolar:
        some = [np.where(s > 0, 1, -1) for s in some]
    return np.stack([np.full(shape, format_.low), np.full(shape, format_.high), *some]).astype(np.int64)


def plainly(node: Node, codes: IntArray) -> list[int]:
    """The definitions in Python's integers, window by window."""
    rows, cols, channels = image_size(node.inputs[0].type.shape)
    image, attrs = codes.reshape(rows, cols, channels), node.attrs
    assert isinstance(attrs, ConvAttrs | PoolAttrs)
    kernel = attrs.weight.shape[1:3] if isinstance(attrs, ConvAttrs) else attrs.kernel
    room = [n + attrs.pads[k] + attrs.pads[k + 2] - attrs.dilations[k] * (kernel[k] - 1) - 1 for k, n in enumerate((rows, cols))]
    places = list(product(*(range(r // s + 1) for r, s in zip(room, attrs.strides, strict=True))))

    def taken(at: tuple[int, int], tap: tuple[int, int], channel: int) -> int | None:
        y, x = (at[k] * attrs.strides[k] + tap[k] * attrs.dilations[k] - attrs.pads[k] for k in range(2))
        return int(image[y, x, channel]) if 0 <= y < rows and 0 <= x < cols else None

    def padded(code: int | None) -> int:
        return attrs.pad if code is None else code

    taps = [(y, x) for y in range(kernel[0]) for x in range(kernel[1])]
    if isinstance(attrs, PoolAttrs):
        found = [[taken(at, tap, c) for tap in taps] for at in places for c in range(channels)]
        if attrs.kind == "max":
            return [max(code for code in window if code is not None) for window in found]
        return [sum(padded(code) for code in window) for window in found]
    outputs, inputs = len(attrs.weight), attrs.weight.shape[3]
    return [
        sum(
            int(attrs.weight[o, *tap, i]) * padded(taken(at, tap, o // (outputs // attrs.groups) * inputs + i))
            for tap in taps for i in range(inputs)
        )
        for at in places for o in range(outputs)
    ]  # fmt: skip


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_references_equal_plain_loops_and_stay_in_their_bounds(op: IntegerOp, random: Random) -> None:
    for _ in range(SAMPLES):
        node = op.sample(random).node
        codes = codes_for(node, random)
        result = op.reference(node, [codes])
        assert result.shape[1:] == node.output.type.shape[1:] and result.dtype == np.int64
        bounds, format_ = op.bounds(node), codes_format(node.output)
        for given, got in zip(codes, result, strict=True):
            assert got.ravel().tolist() == plainly(node, given), f"{node.attrs}"
        for channel in range(result.shape[-1]):
            interval, values = bounds[channel % len(bounds)], result[..., channel]
            assert interval.low <= values.min() and values.max() <= interval.high
        assert format_.low <= result.min() and result.max() <= format_.high


@pytest.mark.parametrize("op", [CONV_CODES, DEPTHWISE], ids=lambda op: op.name)
def test_bounds_of_products_are_reached_by_a_window_inside(op: IntegerOp, random: Random) -> None:
    for _ in range(SAMPLES):
        node = op.sample(random).node
        attrs, format_ = attrs_as(node, ConvAttrs), codes_format(node.inputs[0])
        if any(attrs.pads):
            continue
        for row, interval in zip(attrs.weight.reshape(len(attrs.weight), -1), op.bounds(node), strict=True):
            greatest = np.where(row > 0, format_.high, format_.low)
            least = np.where(row > 0, format_.low, format_.high)
            assert (int(row @ least), int(row @ greatest)) == (interval.low, interval.high)


def stream_order(unit: Unit, image: IntArray) -> list[tuple[int, ...]]:
    """The beats that hg_window's header says, of an image (rows, columns, channels), pads as -1000."""
    p, t = dict(unit.parameters), unit.timing
    assert isinstance(t, WindowTiming)
    lanes, blocks, groups = p["Lanes"], p["Blocks"], p["Groups"]
    filled = np.zeros((*image.shape[:2], blocks * lanes), dtype=np.int64)
    filled[..., : image.shape[2]] = image
    firsts = [np.cumsum([start, *steps]).tolist() for start, steps in ((t.row_start, t.row_steps), (t.col_start, t.col_steps))]
    result: list[tuple[int, ...]] = []
    for oy, ox in product(*firsts):
        for g, ky, kx, c in product(range(groups), range(t.kernel_rows), range(t.kernel_cols), range(blocks // groups)):
            y, x, block = oy + ky * t.dilation_rows, ox + kx * t.dilation_cols, g * (blocks // groups) + c
            inside = 0 <= y < t.rows and 0 <= x < t.cols
            result.append(tuple(filled[y, x, block * lanes : (block + 1) * lanes].tolist()) if inside else (-1000,) * lanes)
    return result


def image_order(image: IntArray, lanes: int) -> list[tuple[int, ...]]:
    """The beats of the image itself."""
    blocks = -(-image.shape[2] // lanes)
    filled = np.zeros((*image.shape[:2], blocks * lanes), dtype=np.int64)
    filled[..., : image.shape[2]] = image
    return [tuple(beat) for beat in filled.reshape(-1, lanes).tolist()]


def summed(case: Case, image: IntArray) -> list[int]:
    """Results of the last unit, from the beats that it gets: lane by lane, or all outputs of a vector at once."""
    node, units = case.node, CONV_CODES.units(case.node, case.parallelism)
    attrs, product_unit = attrs_as(node, ConvAttrs), units[-1]
    p = dict(product_unit.parameters)
    beats = stream_order(units[0], image) if len(units) > 1 else image_order(image, p["InLanes"])
    weight = attrs.weight.reshape(p["Groups"], p["Out"], p["Positions"], p["In"])
    in_blocks, result = -(-p["In"] // p["InLanes"]), list[int]()
    size = p["Positions"] * in_blocks
    for number in range(len(beats) // size):
        vector = beats[number * size : (number + 1) * size]
        for row in weight[number % p["Groups"]]:
            total = 0
            for tap, block, lane in product(range(p["Positions"]), range(in_blocks), range(p["InLanes"])):
                if block * p["InLanes"] + lane < p["In"]:
                    code = vector[tap * in_blocks + block][lane]
                    total += int(row[tap, block * p["InLanes"] + lane]) * (attrs.pad if code == -1000 else code)
            result.append(total)
    return result


def test_windows_and_products_as_data_compute_the_reference(random: Random) -> None:
    for _ in range(SAMPLES):
        case = CONV_CODES.sample(random)
        node = case.node
        codes = codes_for(node, random, 1)[-1]
        image = codes.reshape(image_size(node.inputs[0].type.shape))
        assert summed(case, image) == CONV_CODES.reference(node, [codes[None]]).ravel().tolist(), f"{case}"


def test_a_result_does_not_depend_on_the_pieces_that_it_is_made_of(random: Random, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [CONV_CODES.sample(random).node for _ in range(20)]
    codes = [codes_for(node, random, 3) for node in cases]
    whole = [CONV_CODES.reference(node, [c]).tolist() for node, c in zip(cases, codes, strict=True)]
    for most in (1, 100, 1000):
        monkeypatch.setattr("hwgen.ops.window_conv._PATCH_ELEMENTS", most)
        assert [CONV_CODES.reference(node, [c]).tolist() for node, c in zip(cases, codes, strict=True)] == whole


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_units_fit_each_other_and_their_streams(op: IntegerOp, random: Random) -> None:
    seen: set[int] = set()
    for _ in range(SAMPLES):
        case = op.sample(random)
        node, units = case.node, op.units(case.node, case.parallelism)
        seen.add(len(units))
        assert units[0].in_beats == tensor_beats(node.inputs[0].type.shape, units[0].in_lanes)
        assert units[-1].out_beats == tensor_beats(node.output.type.shape, units[-1].out_lanes)
        assert all(a.out_beats == b.in_beats and a.out_lanes == b.in_lanes for a, b in pairwise(units))
        assert [u.role for u in units[:-1]] == [Role.STREAM] * (len(units) - 1)
        assert op.fit(node, case.parallelism) == case.parallelism, "samples have legal lanes"
        window = units[0].timing
        if isinstance(window, WindowTiming):
            extent = window.dilation_rows * (window.kernel_rows - 1) + 1
            assert window.slots == min(window.rows, extent + 1), "a row more than the kernel, at most the image"
            assert units[0].buffer_words == window.slots * window.cols * window.blocks
        if op.work is not None:
            work, multipliers = op.work(node), units[-1].multipliers
            assert multipliers == case.parallelism.inputs * (1 if work.lanewise else case.parallelism.outputs)
    assert seen == {1, 2}, "with and without a line buffer"


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_what_is_plainer_or_cut_is_legal(op: IntegerOp, random: Random) -> None:
    for _ in range(SAMPLES // 2):
        node = op.sample(random).node
        for attrs in op.plainer(node):
            assert attrs is not node.attrs
            assert make(op, attrs, node.inputs, "y", "plain").output.type.elements <= node.output.type.elements
        elements = random.randint(1, node.inputs[0].type.elements)
        value = make(INPUT, InputAttrs((1, elements), random_format(random, 4, bipolar=0.0)), [], "x", "x").output
        cut = make(op, op.refit(node, value), [value], "y", "cut")
        assert op.reference(cut, [codes_for(cut, random)]).shape[1:] == cut.output.type.shape[1:]


def test_taps_of_uneven_windows_are_those_of_their_positions(random: Random) -> None:
    for _ in range(SAMPLES):
        steps = [tuple(random.choices((0, 1, 2), k=4)) for _ in range(2)]
        axes = [Axis(random.randint(1, 6), random.randint(1, 3), random.randint(1, 2), random.randint(-3, 3), s) for s in steps]
        window, image = Window(axes[0], axes[1]), np.arange(72).reshape(2, 6, 6)[None, :, :, :]
        image = np.resize(image, (2, axes[0].size, axes[1].size, 3))
        for ky, kx, got in window.taps_of(image, -7):
            for (oy, y), (ox, x) in product(*(enumerate(a.firsts) for a in axes)):
                row, col = y + ky * axes[0].dilation, x + kx * axes[1].dilation
                inside = 0 <= row < axes[0].size and 0 <= col < axes[1].size
                assert (got[:, oy, ox] == (image[:, row, col] if inside else -7)).all()


def test_windows_in_the_order_of_the_image_need_no_line_buffer() -> None:
    whole = Axis.whole
    tiles = Axis(6, 3, steps=(3,))
    assert Window(whole(4), whole(5)).trivial
    assert Window(whole(4), tiles).in_order and Window(tiles, Axis(5, 5)).in_order and Window(Axis(4, 4), Axis(5, 5)).in_order
    assert not Window(tiles, tiles).in_order and not Window(Axis(7, 3, steps=(3,)), whole(1)).in_order
    assert not Window(Axis(6, 3, steps=(2,)), whole(1)).in_order
    assert not Window(Axis(6, 3, start=-1, steps=(3, 3)), whole(1)).in_order


def test_a_code_that_the_wires_cannot_carry_is_no_padding() -> None:
    x = make(INPUT, InputAttrs((1, 4, 4, 2), Integer(0, 15)), [], "x", "x").output
    padded = ConvAttrs(np.ones((1, 3, 3, 2), dtype=np.int64), pads=(1, 1, 1, 1), pad=-1)
    with pytest.raises(HwgenError, match="pads int<0,15>"):
        make(CONV_CODES, padded, [x], "y", "y")
    bipolar = make(INPUT, InputAttrs((1, 4, 4, 2), Integer(-1, 1, bipolar=True)), [], "x", "x").output
    with pytest.raises(HwgenError, match="widen the input"):
        make(CONV_CODES, ConvAttrs(padded.weight, pads=(1, 1, 1, 1)), [bipolar], "y", "y")
    with pytest.raises(HwgenError, match="lies outside the image"):
        make(POOL_CODES, PoolAttrs("max", (2, 2), pads=(2, 0, 0, 0)), [x], "y", "y")
