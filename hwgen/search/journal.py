"""The journal of a search: one line a record, each whole or absent whatever happens, kept by one process at a time.

The first line says what was searched; every other is one trial, or one of the uniform designs that trials are compared with.
A line ends with a check sum and is handed to the disk before anyone is told that it is there.  What a kill left of a line that was
being written is no line and is cut off; a line that is damaged in any other way is an error.
"""

from __future__ import annotations

import fcntl
import json
import os
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hwgen.errors import HwgenError, HwgenFailure

NAME: Final = "journal.jsonl"
SCHEMA: Final = 1
_MAX_BYTES: Final = 1 << 30


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Header(_Record):
    """What must be the same for trials to be of one search.  libraries: versions on which the sequence of trials depends."""

    kind: Literal["search"] = "search"
    schema_version: int = SCHEMA
    model_sha256: str
    data_sha256: str
    space_sha256: str
    objectives: tuple[str, ...]
    constraints: tuple[str, ...]
    strategy: str
    seed: int
    batch: int
    trial: str
    hwgen: str
    libraries: dict[str, str]

    def difference(self, other: Header) -> HwgenError | None:
        """What keeps ``other`` from going on with a search of this header; None where nothing does."""
        for name in type(self).model_fields:
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                thing = _NAMES.get(name, name)
                shown = f"{_short(mine)}, not {_short(theirs)}"
                return HwgenError("journal", f"file {NAME!r}", f"is of another {thing}: {shown}", "choose another --out")
        return None


_NAMES: Final = {
    "schema_version": "form", "hwgen": "version of hwgen", "libraries": "version of a library", "model_sha256": "model",
    "data_sha256": "data", "space_sha256": "search space", "objectives": "set of objectives",
    "constraints": "set of constraints", "batch": "size of a batch", "trial": "kind of trial",
}


def _short(value: object) -> str:
    text = " ".join(value) if isinstance(value, tuple) else str(value)
    return text if len(text) <= 64 and not (len(text) == 64 and text.isalnum()) else f"{text[:12]}…"


class Outcome(_Record):
    """measures: of a trial that was judged; None where it failed, and ``error`` says why.

    graph_sha256: of the model that a trial made.
    """

    measures: dict[str, float] | None = None
    error: str | None = None
    graph_sha256: str | None = None


class TrialRecord(_Record):
    """number: in the order in which the strategy asked, from 0."""

    kind: Literal["trial"] = "trial"
    number: Annotated[int, Field(ge=0)]
    key: tuple[int, ...]
    outcome: Outcome


class UniformRecord(_Record):
    """The design in which every choice has the same number of bits."""

    kind: Literal["uniform"] = "uniform"
    bits: Annotated[int, Field(ge=1)]
    outcome: Outcome


_RECORDS: Final[dict[str, type[Header] | type[TrialRecord] | type[UniformRecord]]] = {
    "search": Header, "trial": TrialRecord, "uniform": UniformRecord,
}


def _line(record: _Record) -> bytes:
    text = json.dumps(record.model_dump(mode="json"), separators=(",", ":"), allow_nan=False).encode()
    return text[:-1] + b',"crc":%d}\n' % zlib.crc32(text)


def _damaged(number: int, what: str) -> HwgenError:
    return HwgenError("journal", f"file {NAME!r}, line {number}", what, "restore the file, or choose another --out")


def _read(line: bytes, number: int) -> Header | TrialRecord | UniformRecord:
    body, found, check = line.rpartition(b',"crc":')
    if not found or check != b"%d}" % zlib.crc32(body + b"}"):
        raise _damaged(number, "is damaged: its check sum is not that of its contents")
    try:
        data = json.loads(body + b"}")
        return _RECORDS[data["kind"]].model_validate_json(body + b"}")
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        raise _damaged(number, "is no record of this version") from error


class Journal:
    """An open journal: `trials` by number, `uniform` designs by bits, and `add` for more of both."""

    def __init__(self, handle: int, header: Header) -> None:
        """handle: of the locked file.  Writes the header into an empty one, else compares it."""
        self._handle = handle
        self.trials: dict[int, TrialRecord] = {}
        self.uniform: dict[int, UniformRecord] = {}
        data = _contents(handle)
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            os.ftruncate(handle, len(whole))
            os.fsync(handle)
        records = [_read(line, k + 1) for k, line in enumerate(whole.split(b"\n")[:-1])]
        if not records:
            self._write(header)
            return
        first = records[0]
        if not isinstance(first, Header):
            raise _damaged(1, "is not the header of a search")
        if (difference := first.difference(header)) is not None:
            raise difference
        for number, record in enumerate(records[1:], 2):
            if isinstance(record, Header):
                raise _damaged(number, "is a second header")
            if isinstance(record, TrialRecord):
                self.trials[record.number] = record
            else:
                self.uniform[record.bits] = record

    def add(self, record: TrialRecord | UniformRecord) -> None:
        """Keeps a record; returns when the disk has it."""
        self._write(record)
        if isinstance(record, TrialRecord):
            self.trials[record.number] = record
        else:
            self.uniform[record.bits] = record

    def _write(self, record: _Record) -> None:
        line, end = _line(record), os.lseek(self._handle, 0, os.SEEK_END)
        try:
            written = os.write(self._handle, line)
            while written < len(line):
                written += os.write(self._handle, line[written:])
            os.fsync(self._handle)
        except OSError as error:
            os.ftruncate(self._handle, end)
            what = f"cannot be written: {error.strerror}"
            raise HwgenFailure("output", f"file {NAME!r}", what, "make room on the disk and go on with --resume") from error


def _contents(handle: int) -> bytes:
    size = os.fstat(handle).st_size
    if size > _MAX_BYTES:
        raise HwgenError("journal", f"file {NAME!r}", f"has {size} bytes; the limit is {_MAX_BYTES}", "choose another --out")
    parts: list[bytes] = []
    os.lseek(handle, 0, os.SEEK_SET)
    while part := os.read(handle, 1 << 20):
        parts.append(part)
    return b"".join(parts)


@contextmanager
def opened(folder: Path, header: Header, *, resume: bool) -> Generator[Journal]:
    """The journal in ``folder``, begun where there is none, and locked until the end.

    Raises HwgenError where there is one and ``resume`` is not set, where it is of another search, or where a process works on it.
    """
    path, study = folder / NAME, f"study {folder.name!r}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise HwgenError("output", study, f"cannot be written: {error.strerror}", "choose another --out") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise HwgenError("journal", study, "is in use by another process", "wait, or choose another --out") from error
        if not resume and os.fstat(handle).st_size:
            raise HwgenError("journal", study, "is there already", "go on with --resume, or choose another --out")
        yield Journal(handle, header)
    finally:
        os.close(handle)


def read_only(folder: Path) -> tuple[Header, list[TrialRecord], list[UniformRecord]]:
    """What a journal holds, trials by number, for those who only look.  A line that is being written is not there yet."""
    path = folder / NAME
    try:
        data = path.read_bytes()
    except OSError as error:
        raise HwgenError("journal", f"study {folder.name!r}", f"holds no {NAME}: {error.strerror}", "check the path") from error
    lines = data[: data.rfind(b"\n") + 1].split(b"\n")[:-1]
    records = [_read(line, k + 1) for k, line in enumerate(lines)]
    if not records or not isinstance(records[0], Header):
        raise _damaged(1, "is not the header of a search")
    trials = sorted((r for r in records if isinstance(r, TrialRecord)), key=lambda r: r.number)
    return records[0], trials, [r for r in records if isinstance(r, UniformRecord)]
