"""The invariant that ABC found, checked by another program: z3, on the circuit as Yosys wrote it.

A proof is a set of states that holds the first one, that no step leaves, and in which no assertion fails. Who found it does not
matter once these three are checked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Circuit:
    """An AIGER file.  Literals: 2 * variable + inverted; variables 1 ... inputs are inputs, then latches, then gates.

    next: of each latch.  gates: two literals each.  bad: where an assertion fails.  constraints: assumptions.
    """

    inputs: int
    next: tuple[int, ...]
    gates: tuple[tuple[int, int], ...]
    bad: tuple[int, ...]
    constraints: tuple[int, ...]


def read_circuit(path: Path) -> Circuit:
    """A binary AIGER file (version 1.9) whose latches all start at zero, as Yosys writes it.  Raises ValueError for others."""
    data = path.read_bytes()
    position = 0

    def line() -> list[str]:
        nonlocal position
        end = data.index(b"\n", position)
        text, position = data[position:end].decode(), end + 1
        return text.split()

    def delta() -> int:
        nonlocal position
        value, shift = 0, 0
        while True:
            byte = data[position]
            position += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    kind, *numbers = line()
    _, inputs, latches, outputs, gates, bad, constraints, *rest = (*map(int, numbers), 0, 0)
    if kind != "aig" or any(rest):
        raise ValueError(f"{path.name} is no AIGER file of the kind that is expected")
    heads = [line() for _ in range(latches)]
    if any(len(head) > 1 and head[1] != "0" for head in heads):
        raise ValueError(f"{path.name}: a latch does not start at zero")
    lists = [[int(line()[0]) for _ in range(count)] for count in (outputs, bad, constraints)]
    found: list[tuple[int, int]] = []
    for gate in range(gates):
        left = 2 * (1 + inputs + latches + gate) - delta()
        found.append((left, left - delta()))
    return Circuit(inputs, tuple(int(head[0]) for head in heads), tuple(found), tuple(lists[1]), tuple(lists[2]))


def with_one_assertion(path: Path, number: int) -> bytes:
    """The same circuit with the one assertion ``number``."""
    lines = path.read_bytes().split(b"\n")
    counts = [*map(int, lines[0].split()[1:]), 0, 0, 0][:7]
    latches, outputs, bad = counts[2], counts[3], counts[5]
    first = 1 + latches + outputs
    head = b"aig " + b" ".join(b"%d" % n for n in (*counts[:5], 1, counts[6]))
    return b"\n".join([head, *lines[1:first], lines[first + number], *lines[first + bad:]])


_NAME: Final = re.compile(r"lo(\d+)")


def read_cubes(path: Path) -> list[list[tuple[int, bool]]]:
    """The invariant that ABC writes: (latch, value) lists; a state is in it if it matches none of them."""
    lines = path.read_text().splitlines()
    names = next(line.split()[1:] for line in lines if line.startswith(".ilb"))
    latches = [int(match[1]) for name in names if (match := _NAME.fullmatch(name))]
    if len(latches) != len(names):
        raise ValueError(f"{path.name} names something that is no latch")
    rows = (line.split()[0] for line in lines if line and line[0] in "01-")
    return [[(latch, value == "1") for latch, value in zip(latches, row, strict=True) if value != "-"] for row in rows]


def holds(circuit: Circuit, cubes: Sequence[Sequence[tuple[int, bool]]]) -> bool:
    """Whether the states outside ``cubes`` are an inductive invariant without failing assertion.

    ABC adds one latch after the circuit's: a constraint was violated before, so nothing counts any more.
    """
    import z3

    latches = [z3.Bool(f"l{n}") for n in range(len(circuit.next) + 1)]
    values: list[Any] = [z3.BoolVal(False), *(z3.Bool(f"i{n}") for n in range(circuit.inputs)), *latches[:-1]]

    def value(literal: int) -> Any:
        return z3.Not(values[literal >> 1]) if literal & 1 else values[literal >> 1]

    solver = z3.SolverFor("QF_FD")
    for number, (left, right) in enumerate(circuit.gates):
        gate = z3.Bool(f"g{number}")
        solver.add(gate == z3.And(value(left), value(right)))
        values.append(gate)
    after = [z3.Bool(f"n{n}") for n in range(len(latches))]
    solver.add(*(one == value(literal) for one, literal in zip(islice(after, len(circuit.next)), circuit.next, strict=True)))
    allowed = z3.And(z3.Not(latches[-1]), *map(value, circuit.constraints))
    solver.add(after[-1] == z3.Not(allowed))

    def inside(state: Sequence[Any]) -> Any:
        return z3.And(*(z3.Or(*(z3.Not(state[n]) if one else state[n] for n, one in cube)) for cube in cubes))

    starts_outside = z3.And(*(z3.Not(latch) for latch in latches), z3.Not(inside(latches)))
    leaves = z3.And(inside(latches), z3.Not(inside(after)))
    fails = z3.And(inside(latches), allowed, z3.Or(*map(value, circuit.bad)))
    return all(solver.check(violation) == z3.unsat for violation in (starts_outside, leaves, fails))
