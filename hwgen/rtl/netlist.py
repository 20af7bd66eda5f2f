"""The generated top as data: ports, nets and instances.  Every name in it was made by hwgen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the top module.  width_bits 1 is a scalar."""

    name: str
    is_input: bool
    width_bits: int = 1


@dataclass(frozen=True, slots=True)
class Net:
    """A wire between instances."""

    name: str
    width_bits: int = 1


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance of a template.  connections: template port to net or top port, whole, or to several, the highest first."""

    module: str
    name: str
    parameters: tuple[tuple[str, int | str], ...]
    connections: tuple[tuple[str, str | tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Netlist:
    """A structural module."""

    name: str
    ports: tuple[Port, ...]
    nets: tuple[Net, ...]
    instances: tuple[Instance, ...]
