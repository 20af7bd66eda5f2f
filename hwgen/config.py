"""The configuration file: TOML with the options of the command line, checked key by key.

    [build]
    samples = 1000
    precision = "fixed<8,3>"
    parallelism = "4x4"

    [default]             # formats of every layer: weight, bias, scale, input, output, or all of these
    weight = "fixed<8,2>"
    input = "fixed<8,4>"

    [types.conv2d]        # by operator, or by hls4ml's name of a layer
    weight = "fixed<6,2>"

    [patterns."block[0-9]+[.]fc"]   # regular expressions that match a layer's path in full; the later wins
    weight = "mxint<4,8,16>"

    [layers."fc1"]        # by path
    bias = "fixed<16,6>"
    parallelism = "8x8"

The most specific section that says something of a role wins: layers, patterns, types, default.  ``auto`` leaves a role alone.  In
any of these sections MASE's parameters mean the same (`hwgen.precision.mase`), and so does a file in MASE's own layout.

Paths of what is read (``hls4ml_config``, ``calibration``, ``inputs``) are relative to the file; ``out`` to the working directory.
"""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from hwgen.cost.area import Target
from hwgen.errors import HwgenError, clean
from hwgen.frontend.limits import read_bytes
from hwgen.precision import mase
from hwgen.precision.rules import Meaning, PrecisionConfig, section_of
from hwgen.precision.toml_text import to_toml
from hwgen.search_section import SearchSection

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


class FormatsSection(_Section):
    """``[default]``, ``[types.X]``, ``[patterns."…"]``, ``[layers."…"]``: texts of formats by role, and the parallelism."""

    weight: str | None = None
    bias: str | None = None
    scale: str | None = None
    input: str | None = None
    output: str | None = None
    all: str | None = None
    parallelism: str | None = None

    @property
    def texts(self) -> dict[str, str]:
        """Those that are given."""
        return self.model_dump(exclude_none=True)


class Config(_Section):
    """A whole file.  meaning: ``hls4ml`` where the formats were a file of hls4ml's (`hwgen.precision.rules`).

    search: what `hwgen search` may choose (`hwgen.search_section`); nothing else heeds it.
    """

    build: BuildSection = BuildSection()
    meaning: Meaning = "hwgen"
    default: FormatsSection = FormatsSection()
    types: dict[str, FormatsSection] = {}
    patterns: dict[str, FormatsSection] = {}
    layers: dict[str, FormatsSection] = {}
    search: SearchSection = SearchSection()

    def formats(self, file: str, unused: tuple[str, ...] = ()) -> PrecisionConfig:
        """What it says about layers.  Raises HwgenError that names the key of what is no format."""
        default = section_of("default", self.default.texts, file)
        groups = {"types": self.types, "patterns": self.patterns, "layers": self.layers}
        by_type, by_pattern, by_layer = (
            tuple((name, section_of(f'{group}."{name}"', section.texts, file)) for name, section in sections.items())
            for group, sections in groups.items()
        )
        made = PrecisionConfig(file, "", default, by_type, by_pattern, by_layer, unused, self.meaning)
        return replace(made, sha256=hashlib.sha256(to_toml(made).encode()).hexdigest())


@dataclass(frozen=True)
class Settings:
    """What a file says: the options of ``[build]``, the formats and parallelism of layers, and what may be searched over."""

    build: BuildSection
    layers: PrecisionConfig
    search: SearchSection


_FORMATS: Final = ("default", "types", "patterns", "layers")
_MODELS: Final[dict[str, type[BaseModel]]] = {
    "": Config, "build": BuildSection, "search": SearchSection, **dict.fromkeys(_FORMATS, FormatsSection),
}


def _explain(details: ErrorDetails, file: str) -> HwgenError:
    """The first thing wrong, in the user's terms."""
    *above, key = [str(part) for part in details["loc"]]
    where = f"config {file!r}, {'.'.join([*above, key])}"
    hint = '; a layer\'s path is quoted: [layers."a.b"]' if above[:1] == ["layers"] else ""
    if details["type"] != "extra_forbidden":
        fix = "correct the value" + (hint if isinstance(details["input"], dict) else "")
        return HwgenError("config", where, details["msg"][:1].lower() + details["msg"][1:], fix)
    known = list(_MODELS[above[0] if above else ""].model_fields)
    near = difflib.get_close_matches(key, known, 1)
    fix = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return HwgenError("config", where, "is not a known key", fix + hint)


def _in_our_words(data: dict[str, Any], file: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The file with MASE's layout and parameters turned into ours, and the keys of MASE's that say nothing here."""
    unused: tuple[str, ...] = ()
    if "passes" in data:
        given = [key for key in _FORMATS if key in data]
        if given:
            fix = "keep one of the two"
            raise HwgenError("config", f"config {file!r}, {given[0]}", "is given together with MASE's [passes.quantize]", fix)
        made, unused = mase.from_passes(data["passes"], f"config {file!r}, ")
        unused = (*unused, *(key for key in data if key not in ("build", "passes")))
        data = {**{key: data[key] for key in ("build",) if key in data}, **made}
    words: dict[str, Any] = dict(data)
    if isinstance(data.get("default"), dict):
        words["default"] = _section_in_our_words(data["default"], f"config {file!r}, default")
    for group in _FORMATS[1:]:
        if isinstance(data.get(group), dict):
            words[group] = {
                name: _section_in_our_words(section, f"config {file!r}, {group}.{clean(name)}")
                for name, section in data[group].items()
            }
    return words, unused


def _section_in_our_words(section: Any, where: str) -> Any:
    return mase.translated(section, where) if isinstance(section, dict) and mase.is_mase(_mapping(section)) else section


def _mapping(section: Any) -> Mapping[str, Any]:
    return section


def read_config(path: Path) -> Settings:
    """The configuration in ``path``.  Raises HwgenError that names the key, and the nearest known one."""
    try:
        data = tomllib.loads(read_bytes(path, _MAX_BYTES).decode("utf-8"))
    except (ValueError, RecursionError) as error:  # ValueError: no TOML, no UTF-8, or a number of a thousand digits
        raise HwgenError("config", f"config {path.name!r}", f"is not TOML: {error}", "correct the file") from error
    data, unused = _in_our_words(data, path.name)
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        found = error.errors()  # a misspelt key explains the one that is missing
        raise _explain(next((e for e in found if e["type"] == "extra_forbidden"), found[0]), path.name) from error
    layers = config.formats(path.name, unused)
    asked = [p for p in (config.build.parallelism, *(section.parallelism for section in layers.sections)) if p is not None]
    if config.build.interval is not None and asked:
        raise HwgenError("config", f"config {path.name!r}", "gives an interval and parallelism", "give one of the two")
    if config.build.parallelism is not None and config.default.parallelism is not None:
        what = "gives the parallelism of all layers in [build] and in [default]"
        raise HwgenError("config", f"config {path.name!r}", what, "give one of the two")
    return Settings(config.build, layers, config.search)
