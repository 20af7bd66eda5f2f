"""Build directories from a stranger: sound at first, then one thing is changed and the hashes are made to fit."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

from hostile.case import ANY, FAILED, HARMLESS, REFUSED, Case, Command, Group
from hostile.draft import Draft

Spoil = Callable[[Path], object]


@cache
def _sound() -> Path:
    """A build of the draft; made once in the process that runs the group, whose temporary folder it lies in."""
    from hwgen.flow import BuildOptions, emit_model

    folder = Path(mkdtemp())
    emit_model(Draft().write(folder), folder / "b", BuildOptions(samples=4))
    return folder / "b"


def build(spoil: Spoil, *command: object, code: int = REFUSED, says: str = "", resealed: bool = True) -> Case:
    """resealed: the manifest's hashes are those of the changed files."""

    def make(folder: Path) -> Command:
        shutil.copytree(_sound(), folder / "build" / "b")
        (folder / "secret").write_text("0\n1\n2\n3\n")
        spoil(folder / "build" / "b")
        if resealed:
            _reseal(folder / "build" / "b")
        return command or ("sim", "build/b", "--samples", 3)

    return Case(make, code, says)


def _reseal(folder: Path) -> None:
    if not (folder / "manifest.json").is_file() or (folder / "manifest.json").is_symlink():
        return
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        for name in manifest["files"]:
            path = folder / name
            if ".." not in name and path.is_file() and not path.is_symlink():
                manifest["files"][name] = hashlib.sha256(path.read_bytes()).hexdigest()
        (folder / "manifest.json").write_text(json.dumps(manifest))
    except (ValueError, OSError, KeyError, TypeError, RecursionError, AttributeError):
        pass  # the manifest is what is spoilt


def manifest(change: Callable[[dict[str, Any]], object]) -> Spoil:
    def spoil(folder: Path) -> None:
        record = json.loads((folder / "manifest.json").read_text())
        change(record)
        (folder / "manifest.json").write_text(json.dumps(record))

    return spoil


def replaced(name: str, text: str | bytes) -> Spoil:
    return lambda folder: (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)


def linked(name: str, target: str) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        path.symlink_to(target)

    return spoil


def piped(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return spoil


def in_rtl(name: str, line: str) -> Spoil:
    """A line more before the end of a module."""

    def spoil(folder: Path) -> None:
        path = folder / "rtl" / name
        path.write_text(path.read_text().replace("endmodule", f"{line}\nendmodule", 1))

    return spoil


def in_top(old: str, new: str) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / "rtl" / "hwgen_top.v"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    return spoil


_INJECTED: Final = (
    'initial $system("touch pwned");',
    'initial $c("system(\\"touch pwned\\");");',
    'import "DPI-C" function int system(input string s);',
    'initial $fopen("pwned", "w");',
    'integer f; initial f = $fopen("pwned", "w");',
    'initial $fwrite(1, "x");',
    'initial $writememh("pwned", x);',
    'initial $dumpfile("pwned");',
    '`include "/etc/passwd"',
    "`include </etc/passwd>",
    '`define X $system("touch pwned")',
    "`systemc_header",
    "`verilog",
    'initial $readmemh("/etc/passwd", x);',
    'initial $readmemh("../../secret", x);',
    'initial $readmemh("mem/../../secret", x);',
    "\\escaped ",
    'string s = "\\057etc";',
    'export "DPI-C" task x;',
    'initial $value$plusargs("x=%s", s);',
    'initial $test$plusargs("x");',
    'initial $sformat(s, "x");',
    "\u00e9",
)
_LISTS: Final = (
    "",
    "\n",
    "../../secret\n",
    "/etc/passwd\n",
    "rtl/../../../secret\n",
    "-CFLAGS -DX\n",
    "--exe\nmain.cpp\n",
    "+incdir+/etc\n",
    "-f /etc/passwd\n",
    "rtl/hwgen_top.v\nrtl/hwgen_top.v\n",
    "rtl/nowhere.sv\n",
    "manifest.json\n",
    "rtl/hwgen_top.v;touch pwned\n",
    "rtl/$(touch pwned).sv\n",
    "rtl\n",
    "rtl/a.cpp\n",
    "\0\n",
    "x" * 1_000_000,
)


def _builds() -> Iterator[tuple[str, Case]]:
    yield "a sound build", build(lambda folder: None, code=HARMLESS)
    yield "a sound build shown", build(lambda folder: None, "show", "build/b", code=HARMLESS)
    yield "a sound build inspected", build(lambda folder: None, "inspect", "build/b", code=HARMLESS)
    for line in _INJECTED:
        for name in ("hwgen_top.v", "hg_requant_scale.sv"):
            yield f"{name} with {line[:40]!r}", build(in_rtl(name, line), says=name)
    for text in _LISTS:
        yield f"a list of {text[:30]!r}", build(replaced("filelist.f", text))
        yield f"a list of {text[:30]!r}, not resealed", build(replaced("filelist.f", text), resealed=False)
    for name in ("mem/s0_matvec_weight.mem", "rtl/hwgen_top.v", "model.hwg", "filelist.f", "manifest.json"):
        for target in ("../../../secret", "/etc/passwd", "/dev/zero", name.rpartition("/")[2], "../../nowhere"):
            yield f"{name} as a link to {target}", build(linked(name, target))
        yield f"{name} as a pipe", build(piped(name))
        yield f"{name} as a folder", build(lambda folder, name=name: ((folder / name).unlink(), (folder / name).mkdir()))
        yield (
            f"{name} of random bytes",
            build(replaced(name, bytes(range(256)) * 9), code=FAILED if name.startswith("mem") else REFUSED),
        )
        yield f"{name} of nothing", build(replaced(name, ""), code=FAILED if name.startswith(("mem", "rtl")) else REFUSED)
        yield f"{name} of 100 MB", build(replaced(name, b"0" * 100_000_000), code=REFUSED)
    for name in ("rtl", "mem"):
        for target in ("/etc", "../..", "."):
            yield f"{name} as a link to {target}", build(linked(name, target))
        yield f"no {name}", build(lambda folder, name=name: shutil.rmtree(folder / name), code=ANY)
    for file in (
        '"/etc/passwd"',
        '"../../secret"',
        '"mem/../../../secret"',
        "88'h2f6574632f706173737764",
        '{"/etc", "/passwd"}',
        '""',
        '"mem/nowhere.mem"',
    ):
        expected = FAILED if file in ('""', '"mem/nowhere.mem"') else REFUSED
        yield f"a memory at {file}", build(in_top('"mem/s0_matvec_weight.mem"', file), code=expected)
    yield "a memory file of x", build(replaced("mem/s0_matvec_weight.mem", "x\n" * 9), code=ANY)
    yield "a memory file of @ffffffff", build(replaced("mem/s0_matvec_weight.mem", "@ffffffff\n0\n"), code=FAILED)
    for key, values in {
        "fifo_depth": (0, -1, 1 << 62, 1.5, "x", None),
        "parallelism": ("0x0", "999999x999999", "1x99", "-1x1", "x", "", None, 7, "$(touch pwned)"),
        "path": ("nobody", "", 7, "\x1b[31m"),
        "modules": ([], 7, "x"),
        "cycles": ("x", None),
    }.items():
        for value in values:
            yield (
                f"a stage's {key} of {value!r}",
                build(manifest(lambda r, k=key, v=value: r["stages"][0].update({k: v})), code=ANY if key == "modules" else REFUSED),
            )
    yield "no stages", build(manifest(lambda r: r.update(stages=[])))
    yield "a hundred thousand stages", build(manifest(lambda r: r.update(stages=r["stages"] * 100_000)))
    for key, value in {
        "schema_version": 3,
        "files": {"../../secret": "0"},
        "inputs": None,
        "outputs": [],
        "top": 7,
        "surprise": 1,
    }.items():
        yield f"a manifest's {key} of {value!r}", build(manifest(lambda r, k=key, v=value: r.update({k: v})))
    for text in ("", "{", "[]", "null", "[" * 100_000, '{"a":' * 100_000, "1e999", '"x"', "\ud7ff", "9" * 100_000):
        yield f"a manifest of {text[:10]!r} of {len(text)}", build(replaced("manifest.json", text))
    for command in ("show", "inspect", "trace"):
        arguments = (command, "build/b", "build/b") if command == "trace" else (command, "build/b")
        yield f"{command}: a manifest of nothing", build(replaced("manifest.json", "{}"), *arguments)
        yield f"{command}: a graph of nothing", build(replaced("model.hwg", ""), *arguments)
        yield f"{command}: a graph that is a link", build(linked("model.hwg", "../../secret"), *arguments)
    for text in ("", "{", "[]", "7", '{"layer": {}}', "[" * 100_000):

        def spoil(folder: Path, text: str = text) -> None:
            (folder / "failure").mkdir()
            (folder / "failure" / "reproduce.json").write_text(text)

        yield f"trace: a failure of {text[:10]!r} of {len(text)}", build(spoil, "trace", "build/b", "build/b")
    yield (
        "trace: a failure that is a pipe",
        build(
            lambda folder: ((folder / "failure").mkdir(), os.mkfifo(folder / "failure" / "reproduce.json")),
            "trace",
            "build/b",
            "build/b",
            code=ANY,
        ),
    )
    for option in ("--codes", "--inputs"):
        for target in ("/etc/passwd", "/dev/zero", "build", "manifest.json", "secret"):
            yield f"sim {option} {target}", build(lambda folder: None, "sim", "build/b", option, target)


BUILDS: Final[Group] = dict(_builds())
