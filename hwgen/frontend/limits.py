"""The gate for foreign files: what is too large, too strange or points elsewhere stops here.

Nothing of a file is executed; names from it are only ever shown or compared.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from hwgen.errors import HwgenError, clean
from hwgen.ir.graph import Array

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto

MAX_FILE_BYTES: Final = 1 << 31
MAX_NODES: Final = 200_000
MAX_ELEMENTS: Final = 1 << 28
"""Elements of one tensor."""
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
        model = onnx.ModelProto.FromString(data)
    except (DecodeError, ValueError, RecursionError) as error:
        raise bad_file(path, "is not an ONNX protobuf, or is truncated") from error
    _check_texts(model, path)
    if not model.HasField("graph") or not model.graph.node and not model.graph.output:
        raise bad_file(path, "holds no graph")
    if len(model.graph.node) > MAX_NODES:
        raise bad_file(path, f"has {len(model.graph.node)} nodes; the limit is {MAX_NODES}", "split the model")
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
            elif field.type == field.TYPE_STRING and (isinstance(value, bytes) or any(isinstance(v, bytes) for v in value)):
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


def check_shape(where: str, dims: list[int]) -> tuple[int, ...]:
    """A shape of bounded rank and size, all axes positive."""
    if len(dims) > MAX_RANK or any(d < 1 or d > MAX_ELEMENTS for d in dims) or np.prod(dims, dtype=object) > MAX_ELEMENTS:
        raise HwgenError(
            "shape", where, f"shape {dims[:MAX_RANK]} is outside what can be handled",
            f"use sizes of at least 1 and at most {MAX_ELEMENTS} elements",
        )
    return tuple(dims)


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
    except OSError as error:
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


def read_tensor(tensor: TensorProto, folder: Path, where: str) -> Array:
    """The array of an initializer or constant: size checked before anything is allocated, all floats finite."""
    from onnx import TensorProto as Proto
    from onnx import helper, numpy_helper

    dims = list(tensor.dims)
    if len(dims) > MAX_RANK or any(d < 0 or d > MAX_ELEMENTS for d in dims) or np.prod(dims, dtype=object) > MAX_ELEMENTS:
        raise HwgenError("shape", where, f"shape {dims[:MAX_RANK]} is outside what can be handled", "check the export")
    try:
        dtype = helper.tensor_dtype_to_np_dtype(tensor.data_type)
    except (KeyError, ValueError, TypeError) as error:
        raise HwgenError("type", where, f"element type {tensor.data_type} is unknown", "export as float32") from error
    if dtype.name not in _FLOAT_TYPES | _INTEGER_TYPES:
        raise HwgenError("type", where, f"element type {dtype.name} is not supported", "export as float32")
    count = int(np.prod(dims, dtype=object))
    if tensor.data_location == Proto.EXTERNAL:
        raw: bytes | None = _external_bytes(tensor, folder, where, count * dtype.itemsize)
    else:
        raw = tensor.raw_data if tensor.HasField("raw_data") else None
    if raw is not None:
        if len(raw) != count * dtype.itemsize:
            raise HwgenError("truncated", where, f"holds {len(raw)} bytes for {count} elements of {dtype.name}", "export again")
        array = np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype).reshape(dims)
    else:
        try:
            array = numpy_helper.to_array(tensor)
        except (ValueError, TypeError) as error:
            raise HwgenError("truncated", where, f"does not hold {count} elements of {dtype.name}", "export again") from error
    if dtype.kind == "f" and not np.isfinite(array).all():
        raise HwgenError("not-finite", where, "holds NaN or infinity", "train or export the model again")
    return array.astype(np.float32) if dtype.name == "float16" else array
