"""hls4ml's configuration, as far as it says what numbers a network is computed with.

    Model:
      Precision: {default: "ap_fixed<16,6>"}
    LayerType:
      Conv1D: {Precision: {weight: "ap_fixed<8,2,AP_RND,AP_SAT>"}}
    LayerName:
      conv1: {Precision: {weight: "ap_fixed<6,1>", bias: auto, result: "ap_ufixed<8,3,AP_RND,AP_SAT>"}}

YAML or JSON; either these sections, or a whole project file that holds them under ``HLSConfig``.  As in hls4ml, what a layer
says by name wins over what its type says, that over the model's; ``default`` stands for each of weight, bias,
scale (of a batch norm) and result; a text in place of a mapping is the default; a type without options truncates and wraps.

Nothing else of such a file changes a number here: sums and tables are exact, and parallelism has options of its own.  Such
keys are known, and listed in ``unused``; any other key is an error.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hwgen.errors import HwgenError, clean
from hwgen.formats import Quantized, parse_quantized
from hwgen.frontend.limits import read_bytes

if TYPE_CHECKING:
    from yaml import Node as YamlNode

MAX_BYTES: Final = 1 << 18
MAX_ENTRIES: Final = 20_000
"""Keys, texts and beginnings and ends of mappings and lists of a file."""
MAX_DEPTH: Final = 16
ROLES: Final = ("weight", "bias", "scale", "result")
_EXACT: Final = ("accum", "table", "exp_table", "inv_table", "inv_inp", "param")
"""Types of what is computed without rounding here."""
_LAYER_KEYS: Final = (
    "ReuseFactor", "Strategy", "ParallelizationFactor", "ConvImplementation", "Trace", "TableSize", "Implementation", "Skip",
    "Compression", "TargetCycles", "TraceOutput", "BramFactor", "PipelineStyle", "PipelineInterval", "ChannelsLastConversion",
    "TransposeOutputs",
)
"""Of hls4ml's own hardware."""
_TOP_KEYS: Final = ("InputShape", "Optimizers", "SkipOptimizers", "Flows")
_YAML: Final = "tag:yaml.org,2002:"
_TYPE: Final = re.compile(r"(ap_|ac_)?(u?)(fixed|int)<([-\w\s,]*)>", re.ASCII)


@dataclass(frozen=True, slots=True)
class LayerTypes:
    """What one entry says.  None for a role: ``auto``; a role that is not there is left to what stands behind the entry."""

    given: tuple[tuple[str, Quantized | None], ...] = ()

    def has(self, role: str) -> bool:
        """Whether the entry decides a role, by itself or by its default."""
        return any(name in (role, "default") for name, _ in self.given)

    def of(self, role: str) -> Quantized | None:
        """The type of a role that it `has`."""
        found = dict(self.given)
        return found[role] if role in found else found["default"]

    @property
    def explicit(self) -> tuple[str, ...]:
        """Roles (and ``default``) that have a type, not ``auto``."""
        return tuple(name for name, type_ in self.given if type_ is not None)


@dataclass(frozen=True, slots=True)
class Hls4mlConfig:
    """file: name, for messages.  sha256: of its bytes.

    unused: keys that say nothing about numbers here, as ``LayerName.conv1.ReuseFactor``.
    """

    file: str
    sha256: str
    model: LayerTypes
    by_type: tuple[tuple[str, LayerTypes], ...]
    by_name: tuple[tuple[str, LayerTypes], ...]
    unused: tuple[str, ...]

    def problem(self, key: str, what: str, fix: str) -> HwgenError:
        """The error that names a key of the file."""
        return HwgenError("config", f"hls4ml config {self.file!r}, {clean(key)}", what, fix)


def suggestion(name: str, known: Iterable[str]) -> str:
    """The nearest of ``known``, or all of them."""
    choices = list(dict.fromkeys(known))
    lower = {c.lower(): c for c in choices}
    near = difflib.get_close_matches(name.lower(), lower, 1)
    return f"did you mean {lower[near[0]]}?" if near else f"known are {', '.join(choices)}"


def hls4ml_type(text: str) -> Quantized | None:
    """The format that hls4ml means by a text such as ``ap_fixed<16,6,AP_RND,AP_SAT>`` or ``ufixed<8,0,RND_CONV,SAT,0>``.

    None for ``auto``.  Raises HwgenError for floats, and for what no format here does (AP_SAT_SYM and the like).
    """
    if text.strip() == "auto":
        return None
    match = _TYPE.fullmatch(text.strip())
    prefix, unsigned, kind, inside = match.groups() if match is not None else ("", "", "", "")
    width, *options = (part.strip() for part in inside.split(","))
    if not kind or (kind == "fixed" and not options):
        fix = 'write "ap_fixed<16,6>" (in quotes inside {}), or auto'
        raise HwgenError("format", f"type {clean(text)[:80]!r}", "is not fixed point", fix)
    integer_bits = options.pop(0) if kind == "fixed" else width
    if prefix == "ac_" and options:
        unsigned = "u" if options.pop(0).lower() in ("false", "0") else ""
    if len(options) == 3 and options[2] == "0":  # saturation bits, of wrapping
        options.pop()
    names = [f"AP_{re.sub('^A[PC]_', '', option)}" for option in options]
    return parse_quantized(f"ap_{unsigned}fixed<{','.join([width, integer_bits, *names])}>")


# --- the file as plain data: mappings, lists and texts ----------------------------------------------------------------


def _data_of_yaml(text: str, refuse: Callable[[str, str], HwgenError]) -> Any:
    """Texts stay texts (no dates, no booleans), and nothing that a tag names is made."""
    import yaml

    depth = 0
    for number, event in enumerate(yaml.parse(text, yaml.BaseLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        line = f"line {event.start_mark.line + 1}"
        if isinstance(event, yaml.AliasEvent):
            raise refuse(f"{line} refers back to an anchor", "write the part out in both places")
        if getattr(event, "tag", None) is not None:
            raise refuse(f"{line} asks for {clean(event.tag.removeprefix(_YAML))!r}", "remove that entry, or its tag")
        if depth > MAX_DEPTH or number > MAX_ENTRIES:
            raise refuse(f"{line}: more than {MAX_DEPTH} levels or {MAX_ENTRIES} entries", "keep what the model needs")
    root = yaml.compose(text, yaml.BaseLoader)
    return _plain(root, refuse) if root is not None else None


def _plain(node: YamlNode, refuse: Callable[[str, str], HwgenError]) -> Any:
    import yaml

    if isinstance(node, yaml.MappingNode):
        return _unique([(str(key.value), _plain(value, refuse)) for key, value in node.value], refuse)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(value, refuse) for value in node.value]
    return str(node.value)


def _unique(pairs: list[tuple[str, Any]], refuse: Callable[[str, str], HwgenError]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise refuse(f"gives {clean(key)!r} twice", "keep one of them")
        found[key] = value
    return found


def _read(path: Path, data: bytes) -> Any:
    def refuse(what: str, fix: str) -> HwgenError:
        return HwgenError("config", f"hls4ml config {path.name!r}", what, fix)

    import yaml

    try:
        text = data.decode("utf-8")
        if path.suffix == ".json":
            return json.loads(text, object_pairs_hook=lambda pairs: _unique(pairs, refuse), parse_int=str, parse_float=str)
        return _data_of_yaml(text, refuse)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: no JSON, no UTF-8
        kind = "JSON" if path.suffix == ".json" else "YAML"
        why = " ".join(str(error).split())[:200] or "nested too deeply"
        raise refuse(f"is not {kind}: {clean(why)}", "correct the file") from error


# --- its meaning ------------------------------------------------------------------------------------------------------


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file
        self.unused: list[str] = []

    def problem(self, key: str, what: str, fix: str) -> HwgenError:
        where = f"hls4ml config {self._file!r}" + (f", {clean(key)}" if key else "")
        return HwgenError("config", where, what, fix)

    def mapping(self, data: Any, key: str) -> Mapping[str, Any]:
        if data == "":  # a key with nothing behind it
            return {}
        if not isinstance(data, dict):
            raise self.problem(key, f"is {clean(data)[:40]!r}, not a mapping", "write key: value")
        return data

    def entry(self, data: Any, key: str, *, whole_model: bool = False) -> LayerTypes:
        """A layer's entry, or the model's."""
        types = LayerTypes()
        for name, value in self.mapping(data, key).items():
            if name == "Precision":
                types = self._types(value, f"{key}.Precision", ("maximum",) if whole_model else ())
            elif name in _LAYER_KEYS:
                self.unused.append(f"{key}.{name}")
            else:
                raise self.problem(f"{key}.{name}", "is not a known key", suggestion(name, ("Precision", *_LAYER_KEYS)))
        return types

    def _types(self, data: Any, key: str, more: tuple[str, ...]) -> LayerTypes:
        given: list[tuple[str, Quantized | None]] = []
        named = {"default": data} if isinstance(data, str) else self.mapping(data, key)
        for role, text in named.items():
            where = f"{key}.{role}"
            if role in (*_EXACT, *more):
                self.unused.append(where)
                continue
            if role not in (*ROLES, "default"):
                raise self.problem(where, "is not a known key", suggestion(role, (*ROLES, "default", *_EXACT, *more)))
            if not isinstance(text, str):
                raise self.problem(where, f"is {clean(text)[:40]!r}, not a type", 'write "ap_fixed<16,6>", or auto')
            try:
                given.append((role, hls4ml_type(text)))
            except HwgenError as error:
                raise self.problem(where, f"{error.where} {error.what}", error.fix) from error
        return LayerTypes(tuple(given))

    def entries(self, data: Any, key: str) -> tuple[tuple[str, LayerTypes], ...]:
        return tuple((name, self.entry(value, f"{key}.{name}")) for name, value in self.mapping(data, key).items())


def read_hls4ml_config(path: Path) -> Hls4mlConfig:
    """The configuration in ``path``.  Raises HwgenError that names the key, and the nearest known one."""
    reader, data = _Reader(path.name), read_bytes(path, MAX_BYTES)
    top = reader.mapping(_read(path, data) or {}, "")
    if "HLSConfig" in top:  # the rest is about hls4ml's project
        reader.unused += [key for key in top if key != "HLSConfig"]
        top = reader.mapping(top["HLSConfig"], "HLSConfig")
    for key in top:
        if key in _TOP_KEYS:
            reader.unused.append(key)
        elif key not in ("Model", "LayerType", "LayerName"):
            raise reader.problem(key, "is not a known key", suggestion(key, ("Model", "LayerType", "LayerName", "HLSConfig")))
    if not {"Model", "LayerType", "LayerName"} & set(top):
        raise reader.problem("", "holds no types", "give Model, LayerType or LayerName")
    model = reader.entry(top.get("Model", {}), "Model", whole_model=True)
    by_type, by_name = (reader.entries(top.get(key, {}), key) for key in ("LayerType", "LayerName"))
    return Hls4mlConfig(path.name, hashlib.sha256(data).hexdigest(), model, by_type, by_name, tuple(reader.unused))
