"""A case: a module, its parameters, the settings of its test; and how it is built and run (the pytest side)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any, Final
from xml.etree import ElementTree

import pytest

from hwgen.sim.verilator import build_cocotb_model, cocotb_environment

TEMPLATES: Final = Path(__file__).resolve().parents[2] / "rtl_templates"
WORK: Final = Path(__file__).resolve().parents[1] / "build"

Memories = Mapping[str, tuple[Sequence[int], int]]
"""File name: (words, width in bits)."""


@dataclass(frozen=True)
class Case:
    """parameters: of the module (UpperCamelCase names).  settings: of the test.  seed: of all that is random."""

    parameters: dict[str, int | str]
    settings: dict[str, Any]
    seed: int

    def __getattr__(self, name: str) -> Any:
        for table in ("parameters", "settings"):
            values = self.__dict__.get(table, {})
            if name in values:
                return values[name]
        raise AttributeError(f"the case has neither a parameter nor a setting {name!r}")

    def get(self, name: str, default: Any) -> Any:
        """A parameter or setting, or ``default``."""
        return getattr(self, name, default)

    def random(self) -> Random:
        """A fresh generator: the same numbers on both sides of the simulator."""
        return Random(self.seed)


def full(**values: Any) -> Any:
    """A case of the whole regression, as a pytest parameter."""
    return _parameter(values, ())


def quick(**values: Any) -> Any:
    """A case that the quick subset runs too."""
    return _parameter(values, (pytest.mark.quick,))


def _parameter(values: dict[str, Any], marks: tuple[Any, ...]) -> Any:
    shown = (f"{name}{value}" for name, value in values.items() if not str(value).endswith(".mem"))
    name = "-".join(shown).replace("/", "_").replace(" ", "") or "default"
    chosen = os.environ.get("HWGEN_SEED")
    seed = int(chosen) if chosen else zlib.crc32(name.encode()) & 0xFFFFFF
    parameters = {k: v for k, v in values.items() if k[0].isupper()}
    settings = {k: v for k, v in values.items() if not k[0].isupper()}
    return pytest.param(Case(parameters, settings, seed), marks=marks, id=name)


def current_case() -> Case:
    """The case that this simulator runs (the cocotb side)."""
    return Case(**json.loads(os.environ["HWGEN_CASE"]))


def write_memory(path: Path, words: Iterable[int], width_bits: int) -> None:
    """A file for ``$readmemh``: one word a line, word 0 first."""
    digits = (width_bits + 3) // 4
    path.write_text("".join(f"{word & ((1 << width_bits) - 1):0{digits}x}\n" for word in words))


def templates(_case: Case, _folder: Path) -> Sequence[Path]:
    """The templates as they are."""
    return sorted(TEMPLATES.rglob("*.sv"))


def run_case(
    module: str,
    test_file: str,
    case: Case,
    memories: Callable[[Case, Random], Memories] | None = None,
    *,
    sources: Callable[[Case, Path], Sequence[Path]] = templates,
) -> None:
    """Build ``module`` for a case and run the cocotb tests of ``test_file`` on it.

    memories: the case's memory files, from the case and its generator; written into the simulator's working directory.
    sources: what to build, from the case and that directory; files other than the templates have their parameters already,
    and their style is not held against them.  Fails with the simulator's last words, the seed and the folder that holds all of it.
    """
    folder = WORK / f"{module}{'' if sources is templates else '.netlist'}" / f"{zlib.crc32(json.dumps(asdict(case)).encode()):08x}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, (words, width_bits) in (memories(case, case.random()) if memories else {}).items():
        write_memory(folder / name, words, width_bits)
    waves = os.environ.get("WAVES", "0") not in ("", "0")
    files = sources(case, folder)
    if sources is templates:
        program = build_cocotb_model(files, module, parameters=case.parameters, trace=waves)
    else:
        program = build_cocotb_model(files, module, flags=("-Wno-lint", "-Wno-style", "-Wno-fatal"), trace=waves)
    run_simulation(program, module, Path(test_file).stem, folder, seed=case.seed, case=case, waves=waves)


def run_simulation(
    program: Path, top: str, test_module: str, folder: Path, *, seed: int, case: Case | None = None, waves: bool = False
) -> None:
    """Run a cocotb model in ``folder``; fail the calling pytest test where a cocotb test fails or none ran."""
    results = folder / "results.xml"
    environment = cocotb_environment(top, test_module, results=results, seed=seed)
    if case is not None:
        environment["HWGEN_CASE"] = json.dumps(asdict(case))
        (folder / "case.json").write_text(json.dumps(asdict(case), indent=1))
    command = [str(program), "+verilator+rand+reset+2", f"+verilator+seed+{seed % 0x7FFFFFFE + 1}", *(["--trace"] if waves else [])]
    with (folder / "log.txt").open("w") as log:
        status = subprocess.run(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
    ran, failed = _counts(results)
    if status != 0 or failed or not ran:
        said = "\n".join((folder / "log.txt").read_text().splitlines()[-60:])
        pytest.fail(f"{top}: {len(failed)} of {ran} tests failed {failed}, seed {seed}, folder {folder}\n{said}", pytrace=False)


def _counts(results: Path) -> tuple[int, list[str]]:
    """Tests run, and the names of those that failed."""
    if not results.is_file():
        return 0, ["the simulator stopped"]
    tests = list(ElementTree.parse(results).iter("testcase"))
    bad = [test.get("name", "?") for test in tests if test.find("failure") is not None or test.find("error") is not None]
    return len(tests), bad
