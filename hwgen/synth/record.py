"""The result of synthesis as it is kept in a build directory: ``synthesis/<target>.json``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from hwgen.cost.area import Area, Target


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StageArea(_Record):
    """The cells of one stage.  path: the layer in the model, as in the manifest."""

    path: str
    area: Area


class Used(_Record):
    """How much of one kind of a device's cells is used.  kind: as nextpnr names it."""

    kind: str
    used: int
    available: int


class PathStep(_Record):
    """One hop of the critical path.  stage: the layer's path, or what it is outside the layers.  cell: what is passed.

    delay_ns: of the cell and the wire to it.
    """

    stage: str
    cell: str
    delay_ns: float


class Timing(_Record):
    """After place and route.  fmax_mhz: of the one clock.  critical_path: from register to register, in order."""

    device: str
    fmax_mhz: float
    used: tuple[Used, ...]
    critical_path: tuple[PathStep, ...]


class NetlistRun(_Record):
    """The netlist after synthesis, simulated beside the reference."""

    samples: int
    mismatches: int


class Synthesis(_Record):
    """What synthesis said of one build.

    total: all cells.  stages: in the order of the manifest.  other: what belongs to no stage (outer ports, reset, glue).
    tools: program to version.  sources_sha256: of the build's RTL and memories, so that an old result is known as such.
    """

    target: Target
    sources_sha256: str
    total: Area
    stages: tuple[StageArea, ...]
    other: Area
    timing: Timing | None = None
    netlist: NetlistRun | None = None
    seconds: float
    tools: dict[str, str]
