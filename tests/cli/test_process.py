"""The command as a process of its own: start-up, streams, determinism."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.support import write_mlp

HEAVY = ("numpy", "onnx", "torch", "pydantic", "rich", "flint", "hwgen.flow", "hwgen.ir")


def hwgen(folder: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from hwgen.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, **environment},
    )


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom hwgen.cli.main import run\ncode = run(['--help'])\n"
        f"found = [m for m in {HEAVY!r} if m in sys.modules]\nprint(code, found, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr == "0 []\n"


def test_stdout_holds_one_object_and_nothing_else(tmp_path: Path) -> None:
    write_mlp(tmp_path / "mlp.onnx")
    done = hwgen(tmp_path, "build", "mlp.onnx", "--precision", "fixed<5,2>", "--samples", 3, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["verification"]["mismatches"] == 0
    assert done.stdout.count("\n") == 1


def test_progress_goes_to_stderr(tmp_path: Path) -> None:
    write_mlp(tmp_path / "mlp.onnx")
    done = hwgen(tmp_path, "build", "mlp.onnx", "--precision", "fixed<5,2>", "--samples", 3)
    assert (done.returncode, done.stderr) == (0, "compiling and simulating ...\n")
    assert "simulating" not in done.stdout


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_names_that_the_terminal_cannot_show_do_no_harm(tmp_path: Path, encoding: str) -> None:
    write_mlp(tmp_path / "mlp.onnx", name="größe→")
    done = hwgen(tmp_path, "check", "mlp.onnx", "--precision", "fixed<5,2>", PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr


def test_same_input_gives_the_same_bytes_anywhere(tmp_path: Path) -> None:
    made: list[dict[str, bytes]] = []
    for number in ("1", "2"):
        folder = tmp_path / f"folder{number}" / ("deep" * int(number))
        folder.mkdir(parents=True)
        write_mlp(folder / "mlp.onnx")
        done = hwgen(folder, "build", "mlp.onnx", "--precision", "fixed<5,2>", "--samples", 5, PYTHONHASHSEED=number)
        assert done.returncode == 0, done.stderr
        build = folder / "build" / "mlp"
        made.append({str(f.relative_to(build)): f.read_bytes() for f in sorted(build.rglob("*")) if f.is_file()})
    assert made[0] == made[1]
