"""The gate for foreign files: what is too large, too strange or points elsewhere stops here.

Nothing of a file is executed; names from it are only ever shown or compared.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hwgen.errors import HwgenError, clean
from hwgen.frontend.wire import WireError, check_wire
from hwgen.ir.graph import Array

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto

MAX_FILE_BYTES: Final = 1 << 28
MAX_NODES: Final = 10_000
MAX_ELEMENTS: Final = 1 << 24
"""Elements of one weight or constant."""
MAX_ALL_ELEMENTS: Final = 1 << 25
"""Elements of all weights and constants of a model."""
MAX_INPUT_ELEMENTS: Final = 1 << 20
"""Elements of an input."""
MAX_VALUE_ELEMENTS: Final = 1 << 23
"""Elements of any value that is computed from an input: 256 x 256 positions of 128 channels."""
MAX_AXIS: Final = 1 << 18
"""Size of an axis of such a value: each channel may have scales of its own."""
MAX_VALUES_ELEMENTS: Final = 1 << 30
"""Elements of the inputs and of all that is computed from them; a run keeps each until its last use."""
MAX_CONSTANTS_ELEMENTS: Final = 1 << 26
"""Elements of all constants of a graph and of what is made of them."""
MAX_RANK: Final = 8
MAX_NAME_LENGTH: Final = 4096
_CODE: Final = re.compile(r"""["`\\$]|\bendmodule\b|(?:^|[;\s])(?:module|initial|always|assign)(?=[;\s(])""")
"""Quoting and substitution of a shell, Tcl or Verilog, and Verilog's own words in the place of code."""

_FLOAT_TYPES: Final = {"float32", "float64", "float16"}
_INTEGER_TYPES: Final = {"int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "bool"}


def bad_file(path: Path, what: str, fix: str = "check that this is the ONNX file you mean") -> HwgenError:
    """The refusal of a whole file."""
    return HwgenError("bad-file", f"file {path.name!r}", what, fix)


def read_bytes(path: Path, limit: int = MAX_FILE_BYTES) -> bytes:
    """The contents of a regular file of bounded size."""
    try:
        # a pipe would make a plain open wait for ever
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode):
                raise bad_file(path, "is not a regular file")
            if info.st_size > limit:
                raise bad_file(path, f"has {info.st_size} bytes; the limit is {limit}", "split the model")
            return file.read(limit)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        raise bad_file(path, f"cannot be read: {getattr(error, 'strerror', None) or error}", "check the path") from error


def read_graph_text(path: Path) -> str:
    """The contents of a ``.hwg`` file: text of a bounded number of lines."""
    data = read_bytes(path)
    if data.count(b"\n") > MAX_NODES + 8:
        raise bad_file(path, f"has more than {MAX_NODES} nodes, one a line", "split the model")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise bad_file(path, "is not UTF-8 text", "write it with `hwgen import`") from error


def read_model(path: Path) -> ModelProto:
    """The protobuf of an ONNX file; external data is not touched yet."""
    import onnx
    from google.protobuf.message import DecodeError

    data = read_bytes(path)
    for magic, kind in ((b"PK", "a zip archive (a torch or NumPy file?)"), (b"\x80", "a pickle"), (b"\x1f\x8b", "gzip data")):
        if data.startswith(magic):
            raise bad_file(path, f"is {kind}, not ONNX", "export with torch.onnx or brevitas.export; nothing was unpacked")
    if not data:
        raise bad_file(path, "is empty")
    try:
        check_wire(data, onnx.ModelProto, {"NodeProto": MAX_NODES})
        model = onnx.ModelProto.FromString(data)
    except WireError as error:
        raise bad_file(path, str(error), "check that this is the ONNX file you mean; a larger model is not supported") from error
    except (DecodeError, ValueError, RecursionError) as error:
        raise bad_file(path, "is not an ONNX protobuf, or is truncated") from error
    del data
    _check_texts(model, path)
    if not model.HasField("graph") or not model.graph.node and not model.graph.output:
        raise bad_file(path, "holds no graph")
    if model.functions:
        raise bad_file(path, "defines functions of its own", "export with the functions inlined")
    return model


def _check_texts(model: ModelProto, path: Path) -> None:
    """Refuses text that is not UTF-8: protobuf hands it out as bytes, and no exporter writes it."""
    from google.protobuf.message import Message

    waiting: list[Message] = [model]
    while waiting:
        for field, value in waiting.pop().ListFields():
            if field.type == field.TYPE_MESSAGE:
                waiting.extend([value] if isinstance(value, Message) else value)
            elif field.type == field.TYPE_STRING:
                texts = [value] if isinstance(value, str | bytes) else value
                if any(isinstance(text, bytes) for text in texts):
                    raise bad_file(path, f"holds a {field.name} that is not UTF-8 text")


def check_name(name: str) -> None:
    """Refuses a name that no exporter writes: not printable, endless, or with code or a path upwards in it.

    Names never leave the manifest (docs/decisions/0008); this is a second wall, and tells a user of a damaged file so.
    """
    what = None
    if len(name) > MAX_NAME_LENGTH:
        what = f"has {len(name)} characters; the limit is {MAX_NAME_LENGTH}"
    elif not name.isprintable() or (name and not name.strip()):
        what = "holds characters that cannot be shown"
    elif found := _CODE.search(name):
        what = f"holds {found[0].strip()!r}, as if it were code"
    elif ".." in name.split("/"):
        what = "is a path that leads upwards"
    if what is not None:
        raise HwgenError("bad-name", f"name {clean(name)!r}", what, "rename it and export the model again")


def _fits(dims: list[int], least: int, elements: int) -> bool:
    return len(dims) <= MAX_RANK and all(least <= d <= elements for d in dims) and np.prod(dims, dtype=object) <= elements


def check_shape(where: str, dims: list[int]) -> tuple[int, ...]:
    """The shape of an input: of bounded rank and size, all axes positive."""
    if not _fits(dims, 1, MAX_INPUT_ELEMENTS) or max(dims, default=1) > MAX_AXIS:
        raise HwgenError(
            "shape", where, f"shape {dims[:MAX_RANK]} is outside what can be handled",
            f"use sizes of at least 1 and at most {MAX_AXIS}, and at most {MAX_INPUT_ELEMENTS} elements",
        )
    return tuple(dims)


class Budget:
    """What the weights and constants of one model may hold together; counted before anything is allocated."""

    def __init__(self) -> None:
        self._left = MAX_ALL_ELEMENTS

    def take(self, where: str, dims: list[int]) -> int:
        """The number of elements.  Raises HwgenError for a shape that cannot be, or that is too large with the others."""
        if not _fits(dims, 0, MAX_ELEMENTS):
            raise HwgenError(
                "shape", where, f"shape {dims[:MAX_RANK]} is outside what can be handled", f"use at most {MAX_ELEMENTS} elements"
            )
        count = int(np.prod(dims, dtype=object))
        self._left -= count
        if self._left < 0:
            raise HwgenError(
                "shape", where, f"is beyond the {MAX_ALL_ELEMENTS} elements that all weights may have together", "split the model"
            )
        return count


def _external_bytes(tensor: TensorProto, folder: Path, where: str, size: int) -> bytes:
    """The ``size`` bytes of an initializer kept in a file beside the model; the file must lie in the model's own folder."""
    entries = {e.key: e.value for e in tensor.external_data}
    location = entries.get("location", "")

    def refuse(what: str) -> HwgenError:
        return HwgenError("external-data", where, what, "keep the data file beside the model, or export with weights inside")

    relative = Path(location)
    if not location or relative.is_absolute() or ".." in relative.parts or "\\" in location or "\0" in location:
        raise refuse(f"external data at {location!r} points outside the model's folder")
    path = folder / relative
    try:
        inside = path.resolve().is_relative_to(folder.resolve())
        info = path.lstat()
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise refuse(f"external data at {location!r} cannot be read") from error
    if not inside or not stat.S_ISREG(info.st_mode) or info.st_nlink != 1 or path.resolve() != (folder.resolve() / relative):
        raise refuse(f"external data at {location!r} is a link or no regular file")
    try:
        offset = int(entries.get("offset", "0"))
        length = int(entries.get("length", str(info.st_size - offset)))
    except ValueError as error:
        raise refuse("offset or length of external data is not a number") from error
    if offset < 0 or length < 0 or offset + length > info.st_size:
        raise refuse(f"external data at {location!r} is too short")
    if length != size:
        raise refuse(f"external data at {location!r} has {length} bytes where the shape needs {size}")
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(size)
    except OSError as error:
        raise refuse(f"external data at {location!r} cannot be read") from error


def read_tensor(tensor: TensorProto, folder: Path, where: str, budget: Budget) -> Array:
    """The array of an initializer or constant: size checked before anything is allocated, all floats finite."""
    from onnx import TensorProto as Proto
    from onnx import helper

    try:
        dtype = helper.tensor_dtype_to_np_dtype(tensor.data_type)
    except (KeyError, ValueError, TypeError) as error:
        raise HwgenError("type", where, f"element type {tensor.data_type} is unknown", "export as float32") from error
    if dtype.name not in _FLOAT_TYPES | _INTEGER_TYPES:
        raise HwgenError("type", where, f"element type {dtype.name} is not supported", "export as float32")
    dims = list(tensor.dims)
    count = budget.take(where, dims)
    places = [name for name in _TYPED_DATA if len(getattr(tensor, name))]
    places += ["raw_data"] if tensor.HasField("raw_data") and tensor.raw_data else []
    places += ["external_data"] if tensor.data_location == Proto.EXTERNAL or tensor.external_data else []
    if len(places) > 1:
        raise HwgenError("ambiguous", where, f"holds its elements twice: in {' and in '.join(places)}", "export again")
    if tensor.HasField("segment"):
        raise HwgenError("unsupported", where, "holds a part of its elements only", "export the tensor whole")
    if tensor.data_location == Proto.EXTERNAL:
        array = _of_bytes(_external_bytes(tensor, folder, where, count * dtype.itemsize), dtype, dims, count, where)
    elif not places or places == ["raw_data"]:
        array = _of_bytes(tensor.raw_data, dtype, dims, count, where)
    else:
        array = _of_numbers(tensor, dtype, dims, count, where)
    if dtype.kind == "f" and not np.isfinite(array).all():
        raise HwgenError("not-finite", where, "holds NaN or infinity", "train or export the model again")
    return array.astype(np.float32) if dtype.name == "float16" else array


_TYPED_DATA: Final = ("float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")


def _of_bytes(raw: bytes, dtype: np.dtype[Any], dims: list[int], count: int, where: str) -> Array:
    if len(raw) != count * dtype.itemsize:
        raise HwgenError("truncated", where, f"holds {len(raw)} bytes for {count} elements of {dtype.name}", "export again")
    if dtype.kind == "b" and any(byte > 1 for byte in set(raw)):
        raise HwgenError("truncated", where, "holds booleans other than 0 and 1", "export again")
    return np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype).reshape(dims)


def _of_numbers(tensor: TensorProto, dtype: np.dtype[Any], dims: list[int], count: int, where: str) -> Array:
    """The elements of a tensor that are written as a list of numbers of its own type."""
    from onnx import numpy_helper

    try:
        array = numpy_helper.to_array(tensor)
    except (ValueError, TypeError, OverflowError) as error:
        raise HwgenError("truncated", where, f"does not hold {count} elements of {dtype.name}", "export again") from error
    if array.dtype != dtype or list(array.shape) != dims:
        raise HwgenError("truncated", where, f"does not hold {count} elements of {dtype.name}", "export again")
    return array
