"""Which format each point of a model gets: sections of a configuration, the most specific of which wins, role by role.

A layer's own section wins over a pattern's that its path matches in full (the later of several), that over its type's, that over
the default.  ``all`` in a section stands for each role that the section does not name.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from hwgen.errors import HwgenError, clean
from hwgen.formats import Block, Quantized, parse
from hwgen.ir.graph import Graph, Node
from hwgen.ops.table import REAL as REAL_OPS
from hwgen.ops.weights import PRODUCTS
from hwgen.precision.layer_types import KNOWN_TYPES, layer_types, names_of_types, normalised
from hwgen.precision.patterns import MAX_PATTERNS, matcher
from hwgen.precision.points import layers_of

ROLES: Final = ("weight", "bias", "scale", "input", "output")
"""What of a layer may have a format: its constant weight and bias, the scale of a batch norm that stands alone, the values that
enter it, and what leaves it."""
ALL: Final = "all"
AUTO: Final = "auto"
"""The text that leaves a role alone, whatever less specific sections say."""
Quantizer = Quantized | Block
Meaning = Literal["hwgen", "hls4ml"]
Level = Literal["layer", "pattern", "type", "default"]
_HLS4ML_ROLES: Final = {"output": "result", ALL: "default"}


def suggestion(name: str, known: Iterable[str]) -> str:
    """The nearest of ``known``, or all of them."""
    choices = list(dict.fromkeys(known))
    lower = {c.lower(): c for c in choices}
    near = difflib.get_close_matches(name.lower(), lower, 1)
    return f"did you mean {lower[near[0]]}?" if near else f"known are {', '.join(choices)}"


def format_of(text: str) -> Quantizer | None:
    """The format of a role, or None for ``auto``.  Raises HwgenError for what no quantizer can have."""
    if text.strip() == AUTO:
        return None
    found = parse(text)
    if not isinstance(found, Quantizer):
        raise HwgenError("format", f"format {text!r}", "is not what a quantizer makes", f"see `hwgen formats`, or write {AUTO}")
    return found


@dataclass(frozen=True, slots=True)
class Section:
    """What one section says.  key: where it stands in the file.  given: formats by role or ``all``; None for ``auto``.

    parallelism: as `hwgen.dataflow.folding` reads it, or None.
    """

    key: str
    given: tuple[tuple[str, Quantizer | None], ...] = ()
    parallelism: str | None = None

    def has(self, role: str) -> bool:
        """Whether it decides a role, by itself or by ``all``."""
        return any(name in (role, ALL) for name, _ in self.given)

    def of(self, role: str) -> Quantizer | None:
        """The format of a role that it `has`."""
        found = dict(self.given)
        return found[role] if role in found else found[ALL]

    @property
    def named(self) -> tuple[str, ...]:
        """Roles (and ``all``) that have a format, not ``auto``."""
        return tuple(name for name, format_ in self.given if format_ is not None)


@dataclass(frozen=True, slots=True)
class Choice:
    """The format of a role of a layer.  level: of the section that gives it.

    named: a section of the layer, or of a pattern, names that very role.
    """

    format: Quantizer
    level: Level
    named: bool
    section: Section


@dataclass(frozen=True, slots=True)
class LayerFormats:
    """The formats of a layer; None where the configuration says nothing of the role."""

    weight: Quantizer | None
    bias: Quantizer | None
    scale: Quantizer | None
    input: Quantizer | None
    output: Quantizer | None


@dataclass(frozen=True, slots=True)
class PrecisionConfig:
    """Formats of a whole model.  file: name, for messages.  sha256: of its bytes.  patterns: in their order in the file.

    unused: keys that say nothing about numbers here.  meaning: ``hls4ml``, where a parameter's ``auto`` takes the default's format,
    and what the model quantizes itself stays; otherwise ``auto`` says nothing, and a quantizer of the model gives way to one that a
    layer's section or a pattern names.
    """

    file: str = "formats"
    sha256: str = ""
    default: Section = Section("default")
    types: tuple[tuple[str, Section], ...] = ()
    patterns: tuple[tuple[str, Section], ...] = ()
    layers: tuple[tuple[str, Section], ...] = ()
    unused: tuple[str, ...] = ()
    meaning: Meaning = "hwgen"

    @property
    def sections(self) -> tuple[Section, ...]:
        """All of them."""
        return (self.default, *(s for group in (self.types, self.patterns, self.layers) for _, s in group))

    @property
    def gives_formats(self) -> bool:
        """Whether any section says anything about a format."""
        return any(s.given for s in self.sections)

    @property
    def gives_parallelism(self) -> bool:
        """Whether any section gives a parallelism."""
        return any(s.parallelism is not None for s in self.sections)

    def problem(self, key: str, what: str, fix: str) -> HwgenError:
        """The error that names a key of the file."""
        kind = "hls4ml config" if self.meaning == "hls4ml" else "config"
        return HwgenError("config", f"{kind} {self.file!r}, {clean(key)}", what, fix)

    def role(self, role: str) -> str:
        """How the file calls a role."""
        return _HLS4ML_ROLES.get(role, role) if self.meaning == "hls4ml" else role

    def on(self, graph: Graph) -> Rules:
        """The formats of the layers of ``graph``, a graph of reals.  Raises HwgenError for sections that fit nothing in it."""
        return Rules(self, graph)

    @staticmethod
    def of(
        default: Mapping[str, str] | None = None, types: Mapping[str, Mapping[str, str]] | None = None,
        patterns: Mapping[str, Mapping[str, str]] | None = None, layers: Mapping[str, Mapping[str, str]] | None = None,
    ) -> PrecisionConfig:
        """A configuration from texts, by section and role (``parallelism`` among them).  Raises HwgenError as for a file."""
        groups = {"types": types or {}, "patterns": patterns or {}, "layers": layers or {}}
        digest = hashlib.sha256(repr((default, groups)).encode()).hexdigest()
        by_type, by_pattern, by_layer = (
            tuple((name, section_of(f'{group}."{name}"', texts)) for name, texts in sections.items())
            for group, sections in groups.items()
        )
        return PrecisionConfig("formats", digest, section_of("default", default or {}), by_type, by_pattern, by_layer)


def section_of(key: str, texts: Mapping[str, str], file: str = "") -> Section:
    """A section from the texts of its roles, ``all`` and ``parallelism``.  Raises HwgenError that names the key."""
    where = f"{file and f'config {file!r}, '}{clean(key)}"
    given: list[tuple[str, Quantizer | None]] = []
    for role, text in texts.items():
        if role == "parallelism":
            continue
        if role not in (*ROLES, ALL):
            fix = suggestion(role, (*ROLES, ALL, "parallelism"))
            raise HwgenError("config", f"{where}.{clean(role)}", "is not a known key", fix)
        try:
            given.append((role, format_of(text)))
        except HwgenError as error:
            raise HwgenError("config", f"{where}.{role}", f"{error.where} {error.what}", error.fix) from error
    return Section(key, tuple(given), texts.get("parallelism"))


@dataclass(frozen=True)
class Rules:
    """A configuration on a graph of reals: what it says of each node there."""

    config: PrecisionConfig
    graph: Graph
    _by_path: dict[str, Section] = field(init=False, default_factory=dict[str, Section])
    _by_pattern: list[tuple[Callable[[str], bool], Section]] = field(
        init=False, default_factory=list[tuple[Callable[[str], bool], Section]]
    )
    _by_type: dict[str, Section] = field(init=False, default_factory=dict[str, Section])

    def __post_init__(self) -> None:
        layers = layers_of(self.graph)
        self._take_layers(layers)
        self._take_types(layers)
        self._take_patterns(layers)

    @property
    def replaces(self) -> bool:
        """Whether the model's own quantizers give way to formats that are named."""
        return self.config.meaning == "hwgen"

    def choice(self, node: Node, role: str) -> Choice | None:
        """The format of a role of a node; None where it has none, or ``auto``."""
        deciding = [pair for pair in self._sections(node) if pair[0].has(role)]
        if deciding and deciding[0][0].of(role) is None and self.config.meaning == "hls4ml" and role != "output":
            deciding = [pair for pair in deciding if pair[1] == "default"]
        if not deciding:
            return None
        section, level = deciding[0]
        format_, named = section.of(role), level in ("layer", "pattern") and role in dict(section.given)
        return None if format_ is None else Choice(format_, level, named, section)

    def decides(self, node: Node, role: str) -> bool:
        """Whether the layer's own section says anything of the role."""
        own = self._by_path.get(node.path)
        return own is not None and own.has(role)

    def formats_of(self, node: Node) -> LayerFormats:
        """The formats of all roles."""
        chosen = {role: self.choice(node, role) for role in ROLES}
        return LayerFormats(**{role: choice and choice.format for role, choice in chosen.items()})

    def parallelism(self, known: Collection[str]) -> dict[str, str]:
        """Of the layers that their own section, a pattern's or their type's gives one.  known: paths of the layers that have some.

        Raises HwgenError for a section that gives one, and means none of these layers.
        """
        layers = layers_of(self.graph)
        found: dict[str, str] = {}
        heard: list[Section] = []
        for path in known:
            for node in layers.get(path, ()):
                said = [s for s, level in self._sections(node) if level != "default" and s.parallelism is not None]
                heard += said
                if said and said[0].parallelism is not None:
                    found[path] = said[0].parallelism
        for name, section in (*self.config.types, *self.config.patterns, *self.config.layers):
            if section.parallelism is not None and not any(section is one for one in heard):
                fix = suggestion(name, known)
                raise self.config.problem(f"{section.key}.parallelism", "means no layer that has multipliers", fix)
        return found

    def _sections(self, node: Node) -> list[tuple[Section, Level]]:
        """Those of a node, from the most specific on."""
        found: list[tuple[Section, Level]] = []
        if node.path in self._by_path:
            found.append((self._by_path[node.path], "layer"))
        for matches, section in reversed(self._by_pattern):
            if matches(node.path):
                found.append((section, "pattern"))
        for name in self._types(node):
            if name in self._by_type:
                found.append((self._by_type[name], "type"))
        return [*found, (self.config.default, "default")]

    def _types(self, node: Node) -> tuple[str, ...]:
        return tuple(map(str.lower, layer_types(node))) if self.config.meaning == "hls4ml" else names_of_types(node)

    # --- what the sections fit --------------------------------------------------------------------------------------------

    def _take_layers(self, layers: Mapping[str, list[Node]]) -> None:
        for name, section in self.config.layers:
            found = [p for p in layers if p == name] or [p for p in layers if normalised(p) == normalised(name)]
            if len(found) > 1:
                what = f"may be each of {', '.join(found)}"
                raise self.config.problem(section.key, what, "write the name as `hwgen show` does")
            if found and found[0] in self._by_path:
                raise self.config.problem(section.key, f"is layer {found[0]!r}, which has an entry already", "keep one of them")
            if found:
                self._check_roles(section, layers[found[0]])
                self._by_path[found[0]] = section
            elif section.named or (self.config.meaning == "hwgen" and section.given):
                # others, as hls4ml writes them for what the model no longer holds, say nothing
                raise self.config.problem(section.key, "is no layer of the model", suggestion(name, layers))

    def _take_types(self, layers: Mapping[str, list[Node]]) -> None:
        known = {t.lower(): t for t in (*(REAL_OPS if self.config.meaning == "hwgen" else ()), *KNOWN_TYPES)}
        for name, section in self.config.types:
            if name.lower() not in known:
                raise self.config.problem(section.key, "is no type of layer here", suggestion(name, known.values()))
            nodes = [n for found in layers.values() for n in found if name.lower() in self._types(n)]
            if self.config.meaning == "hwgen":
                if not nodes:
                    present = dict.fromkeys(n.op for found in layers.values() for n in found)
                    raise self.config.problem(section.key, "the model has no layer of this type", f"it has {', '.join(present)}")
                self._check_roles(section, nodes)
            self._by_type[name.lower()] = section

    def _take_patterns(self, layers: Mapping[str, list[Node]]) -> None:
        if len(self.config.patterns) > MAX_PATTERNS:
            raise self.config.problem("patterns", f"has {len(self.config.patterns)} of them", f"use at most {MAX_PATTERNS}")
        for pattern, section in self.config.patterns:
            matches = matcher(pattern, self.config.problem(section.key, "", "").where)
            paths = [path for path in layers if matches(path)]
            if not paths:
                raise self.config.problem(section.key, "matches no layer of the model in full", f"layers are {', '.join(layers)}")
            self._check_roles(section, [node for path in paths for node in layers[path]])
            self._by_pattern.append((matches, section))

    def _check_roles(self, section: Section, nodes: list[Node]) -> None:
        """Whether any of ``nodes`` has the roles that are named."""
        roles = {"output", "input", ALL} - ({"input"} if all(n.op == "input" for n in nodes) else set())
        for node in nodes:
            roles |= {"weight", "bias"} if node.op in PRODUCTS else {"scale", "bias"} if node.op == "batch_norm" else set()
        for role in section.named:
            if role not in roles:
                known = [self.config.role(r) for r in ROLES if r in roles and (r != "input" or self.config.meaning == "hwgen")]
                prefix = f"{section.key}.Precision" if self.config.meaning == "hls4ml" else section.key
                what = f"{nodes[-1].op} has no {self.config.role(role)}"
                raise self.config.problem(f"{prefix}.{self.config.role(role)}", what, f"give {' or '.join(known)}")
