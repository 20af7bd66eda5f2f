"""The configuration file: TOML with the options of the command line, checked key by key.

    [build]
    samples = 1000
    precision = "fixed<8,3>"
    parallelism = "4x4"

    [layers."fc1"]
    parallelism = "8x8"

Paths of what is read (``hls4ml_config``, ``calibration``, ``inputs``) are relative to the file; ``out`` to the working directory.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from hwgen.cost.area import Target
from hwgen.errors import HwgenError
from hwgen.frontend.limits import read_bytes

_MAX_BYTES: Final = 1 << 17


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class BuildSection(_Section):
    """``[build]``: each key is the option of that name."""

    samples: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0)] | None = None
    cycles_budget: Annotated[int, Field(ge=1)] | None = None
    parallelism: str | None = None
    interval: Annotated[int, Field(ge=1)] | None = None
    hls4ml_config: str | None = None
    precision: str | None = None
    input_format: str | None = None
    argmax: bool | None = None
    calibration: str | None = None
    inputs: str | None = None
    target: Annotated[Target, Field(strict=False)] | None = None
    pnr: bool | None = None
    out: str | None = None


class LayerSection(_Section):
    """``[layers."path"]``: of one layer, by its path in the model."""

    parallelism: str


class Config(_Section):
    """A whole file."""

    build: BuildSection = BuildSection()
    layers: dict[str, LayerSection] = {}

    @property
    def parallelism(self) -> str | None:
        """The general parallelism and those of layers, in one text as `hwgen.dataflow.folding.from_text` reads it."""
        parts = [self.build.parallelism] if self.build.parallelism else []
        return ",".join([*parts, *(f"{name}={layer.parallelism}" for name, layer in self.layers.items())]) or None


_MODELS: Final[dict[str, type[_Section]]] = {"": Config, "build": BuildSection, "layers": LayerSection}


def _explain(details: ErrorDetails, file: str) -> HwgenError:
    """The first thing wrong, in the user's terms."""
    *above, key = [str(part) for part in details["loc"]]
    where = f"config {file!r}, {'.'.join([*above, key])}"
    if details["type"] != "extra_forbidden":
        return HwgenError("config", where, details["msg"][:1].lower() + details["msg"][1:], "correct the value")
    known = list(_MODELS[above[0] if above else ""].model_fields)
    near = difflib.get_close_matches(key, known, 1)
    fix = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    if above[:1] == ["layers"]:
        fix += '; a layer\'s path is quoted: [layers."a.b"]'
    return HwgenError("config", where, "is not a known key", fix)


def read_config(path: Path) -> Config:
    """The configuration in ``path``.  Raises HwgenError that names the key, and the nearest known one."""
    try:
        data = tomllib.loads(read_bytes(path, _MAX_BYTES).decode("utf-8"))
    except (ValueError, RecursionError) as error:  # ValueError: no TOML, no UTF-8, or a number of a thousand digits
        raise HwgenError("config", f"config {path.name!r}", f"is not TOML: {error}", "correct the file") from error
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        found = error.errors()  # a misspelt key explains the one that is missing
        raise _explain(next((e for e in found if e["type"] == "extra_forbidden"), found[0]), path.name) from error
    if config.build.interval is not None and config.parallelism is not None:
        raise HwgenError("config", f"config {path.name!r}", "gives an interval and parallelism", "give one of the two")
    for name, layer in config.layers.items():
        if "," in name + layer.parallelism or "=" in layer.parallelism:
            what = f"{name!r} or its parallelism holds a comma or ="
            raise HwgenError("config", f"config {path.name!r}, layers", what, "give one parallelism for all layers")
    return config
