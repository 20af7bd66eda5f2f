"""What the tests of crash safety share: a small model, its builds, and what a whole build is."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from networks import mlp

from hwgen.ir.text import print_graph
from hwgen.rtl.build_directory import Build

ROOT: Final = Path(__file__).resolve().parents[2]
MORE: Final = int(os.environ.get("HWGEN_CRASHES") or 0)
"""Kills more than the usual, for a long run."""
_COMMAND: Final = "import sys; from hwgen.cli.main import main; main()"


def model(folder: Path, seed: int) -> Path:
    """A network of two layers; all seeds give the same RTL and other weights."""
    folder.mkdir(exist_ok=True)
    path = folder / "model.hwg"
    path.write_text(print_graph(mlp((6, 8, 3), seed)))
    return path


def environment(**more: str) -> dict[str, str]:
    """Ours, with the modules of the tests."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, **more}


def start(folder: Path, *command: object, **more: str) -> subprocess.Popen[str]:
    """``hwgen COMMAND`` in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", _COMMAND, *map(str, command)],
        cwd=folder,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def faulty(folder: Path, at: int, kind: str, *command: object) -> subprocess.CompletedProcess[str]:
    """``hwgen COMMAND`` whose change number ``at`` in ``folder`` goes wrong; see `crash.faults`."""
    words = [sys.executable, "-m", "crash.faults", str(folder), str(at), kind, *map(str, command)]
    return subprocess.run(words, cwd=folder, env=environment(), capture_output=True, text=True, check=False, start_new_session=True)


def kill(process: subprocess.Popen[str]) -> None:
    """Kills the group, if it is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def whole(build: Path) -> str:
    """The hash of a build's manifest; fails where a file is missing or is not as the manifest says."""
    text = (build / "manifest.json").read_bytes()
    for name, digest in json.loads(text)["files"].items():
        assert hashlib.sha256((build / name).read_bytes()).hexdigest() == digest, f"{name} is not whole"
    Build(build).check_hardware()
    return hashlib.sha256(text).hexdigest()


def leftovers(folder: Path, *named: str) -> list[str]:
    """What lies in ``folder`` besides what is named."""
    return sorted(path.name for path in folder.iterdir() if path.name not in named)
