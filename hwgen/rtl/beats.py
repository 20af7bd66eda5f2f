"""Codes of a tensor to the beats that carry it, and back.

A tensor (1, positions…, channels) passes position by position; each position's channels begin a new beat, lane 0 lowest, and
what is left of its last beat is filled up with zeros.  On the bus an element is padded to whole bytes; inside it is not.
"""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt

from hwgen.dataflow.stage import integer_format
from hwgen.dataflow.unit import beats
from hwgen.formats import IntArray
from hwgen.ir.graph import Value
from hwgen.rtl.ports import StreamPort

Bytes = npt.NDArray[np.uint8]


def _lanes_of(codes: IntArray, value: Value, lanes: int) -> IntArray:
    """(samples, beats, lanes) raw words of (samples, …) codes."""
    format_ = integer_format(value)
    *positions, channels = value.type.shape[1:]
    array = np.asarray(codes, dtype=np.int64).reshape(len(codes), prod(positions), channels)
    raw = np.asarray(format_.to_bits(array), dtype=np.int64) if format_.bipolar else array
    blocks = beats(channels, lanes)
    padded = np.zeros((*array.shape[:2], blocks * lanes), dtype=np.int64)
    padded[:, :, :channels] = raw
    return padded.reshape(len(codes), prod(positions) * blocks, lanes)


def _codes_of(words: IntArray, value: Value) -> IntArray:
    """(samples, positions…, channels) codes from (samples, beats, lanes) words, of which only the element's own bits count."""
    format_ = integer_format(value)
    *positions, channels = value.type.shape[1:]
    samples, count, lanes = words.shape
    values = words.reshape(samples, prod(positions), count * lanes // prod(positions))[:, :, :channels]
    mask = (1 << format_.bits) - 1 if format_.bits < 63 else -1
    return np.asarray(format_.from_bits(values & mask), dtype=np.int64).reshape(samples, *positions, channels)


def to_beats(codes: IntArray, value: Value, port: StreamPort) -> Bytes:
    """(samples, beats, bytes a beat) from (samples, …) codes, as the bus carries them: sign extended where the format is signed."""
    words = _lanes_of(codes, value, port.lanes).astype("<i8", copy=False)
    parts = words.reshape(-1, 1).view(np.uint8)[:, : port.padded_bits // 8]
    return np.ascontiguousarray(parts).reshape(len(codes), port.beats, port.beat_bytes)


def from_beats(data: Bytes, value: Value, port: StreamPort) -> IntArray:
    """(samples, positions…, channels) codes from (samples, beats, bytes a beat); what fills up beats is dropped."""
    width = port.padded_bits // 8
    words = np.zeros((len(data) * port.beats * port.lanes, 8), dtype=np.uint8)
    words[:, :width] = data.reshape(-1, width)
    return _codes_of(words.view("<i8").astype(np.int64, copy=False).reshape(len(data), port.beats, port.lanes), value)


def from_net(data: Bytes, value: Value, lanes: int) -> IntArray:
    """(samples, positions…, channels) codes from (samples, beats, bytes a beat) of a net inside: elements without padding."""
    width = integer_format(value).bits
    bits = np.unpackbits(data, axis=2, count=lanes * width, bitorder="little").reshape(*data.shape[:2], lanes, width)
    weights = (np.uint64(1) << np.arange(width, dtype=np.uint64)).astype(np.int64)
    return _codes_of(bits.astype(np.int64) @ weights, value)


def whole_tensors(data: Bytes, beats_a_tensor: int) -> Bytes:
    """(tensors, beats, bytes a beat) of the beats (beats, bytes) that came; zeros for those of the last that did not."""
    tensors = beats(len(data), beats_a_tensor)
    filled = np.zeros((tensors * beats_a_tensor, data.shape[1]), dtype=np.uint8)
    filled[: len(data)] = data
    return filled.reshape(tensors, beats_a_tensor, data.shape[1])


def elements_in(value: Value, lanes: int, count: int) -> npt.NDArray[np.bool_]:
    """(positions…, channels): the elements that the first ``count`` beats of a tensor carry."""
    *positions, channels = value.type.shape[1:]
    blocks = beats(channels, lanes)
    first = np.arange(prod(positions)).reshape(*positions, 1) * blocks
    return first + np.arange(channels) // lanes < count
