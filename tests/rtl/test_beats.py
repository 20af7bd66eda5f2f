"""Codes on their way: each position begins a beat, what fills it up is zero, and what comes back is what went."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from networks import random_codes

from hwgen.formats import Integer
from hwgen.ir.graph import Value
from hwgen.ops.record import make
from hwgen.ops.source import INPUT, InputAttrs
from hwgen.rtl.beats import elements_in, from_beats, from_net, to_beats, whole_tensors
from hwgen.rtl.ports import stream_port

FORMATS = (Integer(0, 1), Integer(-1, 1, bipolar=True), Integer(-3, 2), Integer(0, 1000), Integer(-(1 << 40), 5))


def value_of(shape: tuple[int, ...], format_: Integer) -> Value:
    return make(INPUT, InputAttrs(shape, format_), [], "x", "x").output


def test_a_position_begins_a_beat_and_zeros_fill_its_last() -> None:
    value = value_of((1, 2, 3), Integer(-8, 7))
    data = to_beats(np.array([[[1, 2, 3], [-1, -2, -3]]]), value, stream_port(value, 2))
    assert data.tolist() == [[[1, 2], [3, 0], [255, 254], [253, 0]]]


def test_beats_of_the_bus_and_of_a_net_say_the_codes_again(random: Random) -> None:
    for format_ in FORMATS:
        for _ in range(10):
            shape = (1, *(random.randint(1, 4) for _ in range(random.randrange(3))), random.randint(1, 7))
            value, lanes = value_of(shape, format_), random.randint(1, shape[-1])
            port, codes = stream_port(value, lanes), random_codes(format_, (3, *shape[1:]), random.randrange(1 << 30))
            bus = to_beats(codes, value, port)
            assert bus.shape == (3, port.beats, port.beat_bytes)
            assert np.array_equal(from_beats(bus, value, port), codes)
            words = bus.reshape(3, port.beats, lanes, -1)
            bits = np.unpackbits(words, axis=3, bitorder="little")[..., : format_.bits].reshape(3, port.beats, -1)
            assert np.array_equal(from_net(np.packbits(bits, axis=2, bitorder="little"), value, lanes), codes)


@pytest.mark.parametrize("lanes", [1, 2, 3, 5])
def test_the_elements_of_a_tensor_that_was_cut_off_are_those_of_its_first_beats(lanes: int) -> None:
    value = value_of((1, 2, 2, 5), Integer(1, 9))
    port, codes = stream_port(value, lanes), random_codes(Integer(1, 9), (1, 2, 2, 5), 3)
    for count in range(port.beats + 1):
        cut = whole_tensors(to_beats(codes, value, port)[0, :count], port.beats)
        assert len(cut) == (count > 0)
        if count:
            came = elements_in(value, lanes, count)
            assert np.array_equal(from_beats(cut, value, port)[0], np.where(came, codes[0], 0))
