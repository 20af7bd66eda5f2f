"""Codes of a tensor to the bytes of its beats on the bus, and back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hwgen.dataflow.plan import integer_format
from hwgen.formats import IntArray
from hwgen.ir.graph import Value
from hwgen.rtl.assemble import StreamPort

Bytes = npt.NDArray[np.uint8]


def to_beats(codes: IntArray, value: Value, port: StreamPort) -> Bytes:
    """(samples, beats, bytes a beat) from (samples, …) codes; lane 0 lowest, the last beat filled up with zeros.

    Elements are padded to whole bytes as the bus does it: sign extended where the format is signed.
    """
    format_ = integer_format(value)
    samples = codes.shape[0]
    flat = np.asarray(codes, dtype=np.int64).reshape(samples, -1)
    raw = np.asarray(format_.to_bits(flat), dtype=np.int64) if format_.bipolar else flat
    padded = np.zeros((samples, port.beats * port.lanes), dtype=np.int64)
    padded[:, : raw.shape[1]] = raw
    width = port.padded_bits // 8
    words = padded.astype("<i8").view(np.uint8).reshape(samples, -1, 8)[:, :, :width]
    return np.ascontiguousarray(words).reshape(samples, port.beats, port.beat_bytes)


def from_beats(data: Bytes, value: Value, port: StreamPort) -> IntArray:
    """(samples, elements) codes from (samples, beats, bytes a beat); what fills up the last beat is dropped."""
    format_ = integer_format(value)
    width = port.padded_bits // 8
    samples = data.shape[0]
    words = np.zeros((samples, port.beats * port.lanes, 8), dtype=np.uint8)
    words[:, :, :width] = data.reshape(samples, -1, width)
    values = words.reshape(samples, -1).view("<i8").astype(np.int64)[:, : value.type.elements]
    mask = (1 << port.element_bits) - 1 if port.element_bits < 63 else -1
    return np.asarray(format_.from_bits(values & mask), dtype=np.int64)
