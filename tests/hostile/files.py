"""Bytes that are no sound protobuf, weights that lie elsewhere, arrays that are no arrays, and paths that are no files."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

import numpy as np
from hostile.case import ANY, BAIT, HARMLESS, REFUSED, Case, Command, Group, file
from hostile.draft import Draft
from onnx import TensorProto

# --- bytes ------------------------------------------------------------------------------------------------------------

_GRAPH, _NODE, _INITIALIZER = 7, 1, 5


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def nested(depth: int, *numbers: int) -> bytes:
    """Messages within each other, by the field numbers round and round."""
    data = b""
    for level in range(depth, 0, -1):
        data = field(numbers[level % len(numbers)], data)
    return data


class Bomb:
    """Unpickling this imports the bait and leaves a mark."""

    def __reduce__(self) -> tuple[Any, tuple[str, ...]]:
        return __import__, (BAIT,)


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/"), data)
    return buffer.getvalue()


def _bytes() -> Iterator[tuple[str, Case]]:
    whole = Draft().model().SerializeToString()
    yield "a million nodes", file(lambda: field(_GRAPH, field(_NODE, b"") * 1_000_000), says="nodes")
    yield "ten million nodes", file(lambda: field(_GRAPH, field(_NODE, b"") * 10_000_000), says="nodes")
    yield "a million weights", file(lambda: field(_GRAPH, field(_INITIALIZER, b"") * 1_000_000), says="entries")
    yield "a million inputs of a node", file(lambda: field(_GRAPH, field(_NODE, field(1, b"") * 1_000_000)), says="entries")
    yield "a million attributes", file(lambda: field(_GRAPH, field(_NODE, field(5, b"") * 1_000_000)), says="entries")
    yield "a million opsets", file(lambda: field(8, b"") * 1_000_000)
    yield "a million sizes of a weight", file(lambda: field(_GRAPH, field(_INITIALIZER, b"\x08\x01" * 1_000_000)), says="entries")
    yield "100 MB of packed numbers", file(lambda: field(_GRAPH, field(_INITIALIZER, field(7, b"\0" * 100_000_000))), says="packed")
    yield "100 MB of a name", file(lambda: field(_GRAPH, field(2, b"x" * 100_000_000)))
    yield "100 MB of zeros", file(lambda: bytes(100_000_000))
    yield (
        "300 MB of nothing",
        Case(lambda folder: (sparse_file(folder / "model.onnx", 300 << 20), ("build", "model.onnx"))[1], says="bytes"),
    )
    yield (
        "a terabyte of nothing",
        Case(lambda folder: (sparse_file(folder / "model.onnx", 1 << 40), ("build", "model.onnx"))[1], says="bytes"),
    )
    for depth in (33, 50, 99, 101, 5000, 100_000):
        if depth < 20_000:
            yield f"{depth} graphs within each other", file(lambda depth=depth: nested(depth, _GRAPH, _NODE, 5, 6))
        yield f"{depth} unfinished messages", file(b"\x3a\x7f" * depth)
    yield "groups within groups", file(b"\x0b" * 100_000)
    yield "an endless number", file(b"\xff" * 100_000)
    yield "a length of 2^63", file(b"\x3a" + varint(1 << 63))
    yield "a length of 2^31", file(b"\x3a" + varint(1 << 31) + whole)
    yield "a length of -1", file(b"\x3a" + b"\xff" * 9 + b"\x01" + whole)
    yield "a field number of 0", file(b"\x02\x00" + whole)
    yield "two graphs merged", file(whole + whole)
    yield "text that is not UTF-8", file(whole.replace(b"quantize_x", b"quantize\xff\xfe"))
    yield "an unknown field", file(whole + field(500, b"x"), code=HARMLESS)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        yield f"a pickle of protocol {protocol}", file(pickle.dumps(Bomb(), protocol))
    for name in (
        "model.pt",
        "model.pth",
        "model.npz",
        "model.zip",
        "model.pkl",
        "model.h5",
        "model",
        "model.HWG",
        "model.json",
        "model.hwg",
    ):
        yield (
            f"a zip with a pickle as {name}",
            file(zipped(archive__data_pkl=pickle.dumps(Bomb()), archive__version=b"3"), name=name),
        )
    yield "a zip bomb", file(lambda: zipped(x=bytes(50_000_000)))
    yield "gzip", file(lambda: b"\x1f\x8b\x08\0" + zlib.compress(bytes(1_000_000)))
    for kind, data in (
        ("ELF", b"\x7fELF\2\1\1"),
        ("a script", b"#!/bin/sh\ntouch pwned\n"),
        ("HTML", b"<html>"),
        ("JSON", b"{}"),
        ("XML", b'<!DOCTYPE x [<!ENTITY a "b">]>'),
    ):
        yield kind, file(data)
    for length in range(0, len(whole), 64):  # at every eighth byte: tests/frontend/test_bad_files.py
        yield f"cut at {length}", file(whole[:length])
    random = Random(7)
    for number in range(12):
        yield f"random bytes {number}", file(random.randbytes(random.randint(1, 400)))
    for number in range(12):
        data = bytearray(whole)
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
        yield f"a flipped bit {number}", Case(file(bytes(data), "emit", "model.onnx", "--samples", 2).make, code=ANY)


def sparse_file(path: Path, size: int) -> None:
    with path.open("wb") as out:
        out.truncate(size)


# --- external data ----------------------------------------------------------------------------------------------------


def external(location: str, prepare: Callable[[Path], object] = lambda folder: None, **entries: object) -> Case:
    """The draft with its weight elsewhere.  prepare: of the folder of the model, beside which lies a secret of the right size."""

    def make(folder: Path) -> Command:
        secret = np.arange(12, dtype=np.float32).tobytes()
        (folder / "secret.bin").write_bytes(secret)
        inner = folder / "model"
        inner.mkdir()
        prepare(inner)
        draft = Draft()
        made = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3, 4], data_location=TensorProto.EXTERNAL)
        for key, value in {"location": location.replace("FOLDER", str(folder)), **entries}.items():
            made.external_data.add(key=key, value=str(value))
        draft.tensors["w"] = made
        draft.write(inner)
        return ("build", "model/model.onnx")

    return Case(make)


def _external() -> Iterator[tuple[str, Case]]:
    def written(size: int) -> Callable[[Path], object]:
        return lambda folder: (folder / "w.bin").write_bytes(bytes(size))

    yield "an absolute path", external("/etc/passwd")
    yield "an absolute path of the right size", external("FOLDER/secret.bin")
    for location in (
        "../secret.bin",
        "./../secret.bin",
        "x/../../secret.bin",
        "..",
        ".",
        "",
        "/",
        "~/x",
        "..\\secret.bin",
        "C:\\x",
        "\\\\server\\x",
        "file:///etc/passwd",
        "http://127.0.0.1/x",
        "w\0.bin",
        "w.bin\n",
        "x" * 5000,
        "/proc/self/environ",
        "/dev/stdin",
        "$(touch pwned)",
        "*",
    ):
        yield f"external data at {location[:30]!r}", external(location)
    yield "a symbolic link", external("w.bin", lambda folder: (folder / "w.bin").symlink_to("../secret.bin"))
    yield "a link to itself", external("w.bin", lambda folder: (folder / "w.bin").symlink_to("w.bin"))
    yield "a hard link", external("w.bin", lambda folder: os.link(folder.parent / "secret.bin", folder / "w.bin"))
    yield "a folder that is a link", external("sub/secret.bin", lambda folder: (folder / "sub").symlink_to(".."))
    yield "a pipe", external("w.bin", lambda folder: os.mkfifo(folder / "w.bin"))
    yield "a folder", external("w.bin", lambda folder: (folder / "w.bin").mkdir())
    yield "a device", external("w.bin", lambda folder: (folder / "w.bin").symlink_to("/dev/zero"))
    yield "too short", external("w.bin", written(47))
    yield "too long", external("w.bin", written(49))
    for offset in (-1, -48, 1, 48, 1 << 62, 1 << 70, "nan", "", " 1", "1_0", "0x0", "1e3", "9" * 5000):
        yield f"an offset of {str(offset)[:10]!r}", external("w.bin", written(48), offset=offset)
    for length in (-48, 0, 47, 49, 1 << 62, "all", "9" * 5000):
        yield f"a length of {str(length)[:10]!r}", external("w.bin", written(4800), length=length)
    yield "the location twice", external("../secret.bin", lambda folder: None, basepath="..")


# --- arrays -----------------------------------------------------------------------------------------------------------


def npy(header: str, data: bytes = b"", *, version: tuple[int, int] = (1, 0), length: int | None = None) -> bytes:
    text = header.encode("latin1")
    size = len(text) if length is None else length
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version == (1, 0) else "<I", size) + text + data


def _header(descr: str, shape: str, order: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


def array(data: bytes | np.ndarray[Any, Any], option: str = "--inputs", *, name: str = "data.npy", code: int = REFUSED) -> Case:
    def make(folder: Path) -> Command:
        if isinstance(data, bytes):
            (folder / name).write_bytes(data)
        else:
            with (folder / name).open("wb") as out:
                np.save(out, data, allow_pickle=True)
        Draft().write(folder)
        return ("emit", "model.onnx", "--precision", "fixed<8,4>", option, name)

    return Case(make, code)


def _arrays() -> Iterator[tuple[str, Case]]:
    good = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)
    for option in ("--inputs", "--calibration"):
        yield f"{option}: a sound array", array(good, option, code=HARMLESS)
        yield f"{option}: of objects", array(np.array([[Bomb()] * 4], dtype=object), option)
        yield f"{option}: a pickle", array(pickle.dumps(Bomb()), option)
        yield f"{option}: a pickle as .pt", array(pickle.dumps(Bomb()), option, name="data.pt")
        yield f"{option}: a zip bomb as .npz", array(zipped(a_npy=bytes(5_000_000)), option, name="data.npz")
        yield (
            f"{option}: an .npz",
            array(zipped(**{"a.npy": npy(_header("'<f4'", "(2, 4)"), good.tobytes())}), option, name="data.npz"),
        )
        yield f"{option}: an .npz called .npy", array(zipped(**{"a.npy": npy(_header("'<f4'", "(2, 4)"), good.tobytes())}), option)
        for shape in (
            "(2**60, 4)",
            "(1152921504606846976, 4)",
            "(-1, 4)",
            "(2, -4)",
            "(0, 4)",
            "(4,)",
            "()",
            "(2, 4, 1)",
            "(True, 4)",
            "(2.0, 4)",
            "4",
            "'x'",
        ):
            yield f"{option}: of shape {shape}", array(npy(_header("'<f4'", shape), good.tobytes()), option)
        for descr in (
            "'|O'",
            "'<U4'",
            "'|S4'",
            "'<M8[s]'",
            "'<c8'",
            "[('a', '<f4')]",
            "'<f3'",
            "'x'",
            "None",
            "'<f4' * 9",
            "'|V4'",
            "'<m8'",
        ):
            yield f"{option}: of type {descr}", array(npy(_header(descr, "(2, 4)"), good.tobytes() * 4), option)
        for what, values in (
            ("NaN", np.full((2, 4), np.nan)),
            ("infinity", np.full((2, 4), -np.inf)),
            ("wrong sizes", np.zeros((2, 5))),
            ("no samples", np.zeros((0, 4))),
            ("too many axes", np.zeros((2, 2, 2))),
            ("texts", np.full((2, 4), "x")),
        ):
            yield f"{option}: {what}", array(values, option)
        for kind in (">f4", "<f8", ">f8", "<f2", "<i8", "|b1", "|u1", "<g"):
            yield f"{option}: of {kind}", array(good.astype(kind), option, code=ANY)
        yield f"{option}: in Fortran order", array(np.asfortranarray(good), option, code=HARMLESS)
        yield f"{option}: 1e308", array(np.full((2, 4), 1e308), option, code=ANY)
        yield f"{option}: 2^63", array(np.full((2, 4), (1 << 64) - 1, np.uint64), option, code=ANY)
    yield "a header that is code", array(npy(f"__import__('{BAIT}')\n"))
    yield "a header bomb", array(npy("{" * 60_000 + "\n"))
    yield "a header of nested tuples", array(npy(f"{{'descr': '<f4', 'fortran_order': False, 'shape': {'(' * 5000}\n"))
    yield "a header longer than the file", array(npy(_header("'<f4'", "(2, 4)"), length=60_000))
    yield "a header of 4 GB", array(npy(_header("'<f4'", "(2, 4)"), version=(2, 0), length=(1 << 32) - 1))
    yield (
        "a header with more keys",
        array(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), 'x': 1}\n", good.tobytes())),
    )
    yield "an unknown version", array(npy(_header("'<f4'", "(2, 4)"), good.tobytes(), version=(9, 9)))
    yield "no data", array(npy(_header("'<f4'", "(2, 4)")))
    yield "more data", array(npy(_header("'<f4'", "(2, 4)"), good.tobytes() * 3), code=ANY)
    yield "an empty array file", array(b"")
    yield "a text file", array(b"1,2,3,4\n5,6,7,8\n")
    for length in range(0, 160, 16):
        buffer = io.BytesIO()
        np.save(buffer, good)
        yield f"an array cut at {length}", array(buffer.getvalue()[:length])


# --- paths ------------------------------------------------------------------------------------------------------------

_COMMANDS: Final[dict[str, tuple[object, ...]]] = {
    "build": ("build", "PATH"),
    "check": ("check", "PATH"),
    "import": ("import", "PATH"),
    "show": ("show", "PATH"),
    "inspect": ("inspect", "PATH"),
    "emit": ("emit", "PATH"),
    "sim": ("sim", "PATH"),
    "trace": ("trace", "PATH", "PATH"),
    "report": ("report", "PATH"),
    "synth": ("synth", "PATH"),
    "estimate": ("estimate", "PATH"),
    "--inputs": ("build", "model.onnx", "--inputs", "PATH"),
    "--calibration": ("build", "model.onnx", "--calibration", "PATH"),
    "--config": ("build", "model.onnx", "--config", "PATH"),
    "--out": ("build", "model.onnx", "--out", "PATH"),
    "show --svg": ("show", "model.onnx", "--svg", "PATH"),
    "import --out": ("import", "model.onnx", "--out", "PATH"),
}
_PATHS: Final[dict[str, tuple[str, Callable[[Path], object]]]] = {
    "nothing": ("nowhere", lambda folder: None),
    "a folder": ("folder", lambda folder: (folder / "folder" / "inner").mkdir(parents=True)),
    "a file of nothing": ("empty", lambda folder: (folder / "empty").touch()),
    "a pipe": ("pipe", lambda folder: os.mkfifo(folder / "pipe")),
    "a link in a circle": ("circle", lambda folder: (folder / "circle").symlink_to("circle")),
    "a dead link": ("dead", lambda folder: (folder / "dead").symlink_to("nowhere")),
    "/dev/zero": ("/dev/zero", lambda folder: None),
    "/dev/null": ("/dev/null", lambda folder: None),
    "/dev/full": ("/dev/full", lambda folder: None),
    "/proc/self/mem": ("/proc/self/mem", lambda folder: None),
    "a file as a folder": ("model.onnx/x", lambda folder: None),
    "a name too long": ("x" * 300, lambda folder: None),
    "a path too long": ("/".join(["x" * 200] * 30), lambda folder: None),
    "a zero byte": ("a\0b", lambda folder: None),
    "no text": ("a\udcffb", lambda folder: None),
    "an escape": ("\x1b[31mx\n", lambda folder: None),
    "an option": ("--", lambda folder: None),
    "no path": ("", lambda folder: None),
    "a place in /proc": ("/proc/x/y.hwg", lambda folder: None),
}
_ALWAYS: Final = ("build", "sim", "--inputs", "--config", "--out")
"""Commands that are tried on every path; the others on those that have gone wrong somewhere."""
_OFTEN: Final = ("nothing", "a folder", "a pipe", "a link in a circle", "/dev/zero", "a name too long", "a zero byte", "an escape")
_WRITES: Final = ("--out", "show --svg", "import --out")
_MAY_WORK: Final = {
    ("--out", "nothing"),
    ("show --svg", "nothing"),
    ("--out", "no text"),
    ("show --svg", "no text"),
    ("show --svg", "a file of nothing"),
    ("show --svg", "an escape"),
    ("--out", "an escape"),
    ("--config", "a file of nothing"),
    ("show --svg", "a dead link"),
    ("show --svg", "a link in a circle"),
    ("--out", "no path"),
    ("show --svg", "no path"),
    ("--inputs", "no path"),
    ("--calibration", "no path"),
    ("--config", "no path"),
    ("import --out", "no path"),
    ("--out", "an option"),
    ("show --svg", "an option"),
}


def _paths() -> Iterator[tuple[str, Case]]:
    for command, words in _COMMANDS.items():
        for what, (path, prepare) in _PATHS.items():
            if command not in _ALWAYS and what not in _OFTEN:
                continue
            if (command, what) in _MAY_WORK or (command in _WRITES and path.startswith(("/dev", "/proc/self"))):
                continue  # the superuser could do harm there

            def make(
                folder: Path, words: tuple[object, ...] = words, path: str = path, prepare: Callable[[Path], object] = prepare
            ) -> Command:
                Draft().write(folder)
                prepare(folder)
                return tuple(path if word == "PATH" else word for word in words)

            yield f"{command}: {what}", Case(make)


BYTES: Final[Group] = dict(_bytes())
EXTERNAL: Final[Group] = dict(_external())
ARRAYS: Final[Group] = dict(_arrays())
PATHS: Final[Group] = dict(_paths())
