"""MASE's way to say formats: a section's parameters, and the layout of its own files.

    name = "integer"
    data_in_width = 8
    data_in_frac_width = 4
    weight_width = 6
    weight_frac_width = 4

``name`` says which formats; the others are whole numbers of an operand (``data_in``, ``weight``, ``bias``, ``data_out``).  What
has no counterpart here (stochastic or data-dependent rounding, blocks over several axes) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hwgen.errors import HwgenError, clean
from hwgen.precision.rules import ALL, AUTO, suggestion

OPERANDS: Final = {"data_in": "input", "weight": "weight", "bias": "bias", "data_out": "output"}
_FIXED: Final = ("width", "frac_width")
_MINIFLOAT: Final = ("width", "exponent_width", "exponent_bias")
PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {
    "integer": _FIXED, "fixed": _FIXED, "integer_floor": _FIXED,
    "binary": ("width", "stochastic", "bipolar"),
    "minifloat_ieee": _MINIFLOAT, "minifloat_denorm": _MINIFLOAT,
    "log": ("width", "exponent_bias"),
    "block_fp": ("width", "exponent_width", "exponent_bias", "block_size"),
    "block_minifloat": ("width", "exponent_width", "exponent_bias_width", "block_size"),
    "block_log": ("width", "exponent_bias_width", "block_size"),
    "mxint_hardware": ("width", "exponent_width", "parallelism"),
}
"""Parameters of an operand by the name of the format."""
_OPTIONAL: Final = ("frac_width", "exponent_bias", "stochastic", "bipolar")
_NONE: Final = ("NA", "none", "None")
_FLAGS: Final = ("bypass", "floor")
_KEY: Final = re.compile(rf"({'|'.join(OPERANDS)})_([a-z_]+)")
_BY: Final = {"type": "types", "name": "layers", "regex_name": "patterns"}
_UNUSED: Final = ("report", "baseline_weight_path", "load_type", "load_name", "gather")
_MOST: Final = 1 << 20


def is_mase(section: Mapping[str, Any]) -> bool:
    """Whether a section speaks as MASE does."""
    return "name" in section or "bypass" in section or any(_KEY.fullmatch(key) for key in section)


def translated(section: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The same section by roles and texts of formats; keys that are not MASE's stay.  Raises HwgenError that names the key."""
    name, flags = section.get("name", "NA"), {flag: section.get(flag, False) for flag in _FLAGS}
    for flag, value in flags.items():
        if not isinstance(value, bool):
            raise _bad(f"{where}.{flag}", f"is {clean(value)[:40]!r}", "write true or false")
    if not isinstance(name, str) or name not in (*PARAMETERS, *_NONE):
        raise _bad(f"{where}.name", f"{clean(name)[:40]!r} is no format of MASE's that there is here", _near(name))
    found = {key: value for key, value in section.items() if key not in ("name", *_FLAGS) and not _KEY.fullmatch(key)}
    if name in _NONE and any(_KEY.fullmatch(key) for key in section) and not flags["bypass"]:
        raise _bad(f"{where}.name", "is missing, but there are parameters", _near(""))
    texts = {ALL: AUTO} if name in _NONE or flags["bypass"] else _roles(section, name, flags["floor"], where)
    for role, text in texts.items():
        if role in found:
            raise _bad(f"{where}.{role}", "is given in MASE's parameters as well", "keep one of the two")
        found[role] = text
    return found


def _bad(where: str, what: str, fix: str) -> HwgenError:
    return HwgenError("config", where, what, fix)


def _near(name: object) -> str:
    return suggestion(str(name)[:40], (*PARAMETERS, "NA"))


def _roles(section: Mapping[str, Any], name: str, floor: bool, where: str) -> dict[str, str]:
    operands: dict[str, dict[str, Any]] = {}
    for key, value in section.items():
        match = _KEY.fullmatch(key)
        if match is None:
            continue
        if match[2] not in PARAMETERS[name]:
            known = [f"{match[1]}_{parameter}" for parameter in PARAMETERS[name]]
            raise _bad(f"{where}.{clean(key)}", f"is no parameter of {name}", suggestion(key, known))
        operands.setdefault(match[1], {})[match[2]] = value
    texts: dict[str, str] = {}
    for operand, given in operands.items():
        numbers = _Operand(given, f"{where}.{operand}")
        missing = [p for p in PARAMETERS[name] if p not in given and p not in _OPTIONAL]
        if missing:
            raise _bad(f"{where}.{operand}_{missing[0]}", f"is missing for {name}", "give it")
        texts[OPERANDS[operand]] = _text(name, numbers, floor or name == "integer_floor")
    return texts


@dataclass(frozen=True, slots=True)
class _Operand:
    """The parameters of an operand.  where: up to the operand."""

    given: Mapping[str, Any]
    where: str

    def bad(self, parameter: str, what: str, fix: str) -> HwgenError:
        """The error that names a parameter."""
        return _bad(f"{self.where}_{parameter}", what, fix)

    def whole(self, parameter: str, default: int | None = None) -> int:
        """A whole number; ``default`` where it is not given, or ``NA``."""
        value = self.given.get(parameter)
        if value is None or (value in _NONE and default is not None):
            value = default
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MOST:
            raise self.bad(parameter, f"is {clean(value)[:40]!r}", "write a whole number")
        return value

    def flag(self, parameter: str, *, wanted: bool) -> None:
        """Raises HwgenError where a flag is set otherwise than ``wanted``."""
        value = self.given.get(parameter, wanted)
        if value is not wanted:
            raise self.bad(parameter, f"is {clean(value)[:40]!r}", f"there is only {str(wanted).lower()} here")

    def block(self, parameter: str) -> int:
        """The size of a block along the last axis; MASE also has blocks over several."""
        value = self.given[parameter]
        sizes: list[Any] = list(value) if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownArgumentType]
        if not sizes or any(isinstance(s, bool) or not isinstance(s, int) for s in sizes):
            raise self.bad(parameter, f"is {clean(value)[:40]!r}", "write a whole number, or [1, 16]")
        if any(size != 1 for size in sizes[:-1]) or not 1 <= sizes[-1] <= _MOST:
            raise self.bad(parameter, f"is {clean(value)[:40]!r}", "blocks lie along the last axis here: [1, 16]")
        return sizes[-1]

    @property
    def bias(self) -> str:
        """The option of a format's text; empty for the usual bias."""
        given = self.given.get("exponent_bias")
        return "" if given is None or given in _NONE else f",bias={self.whole('exponent_bias')}"

    def usual_bias(self, exponent_bits: int) -> None:
        """Raises HwgenError where the bias of a shared exponent is not the usual one."""
        usual = (1 << min(max(exponent_bits - 1, 0), 16)) - 1
        if self.whole("exponent_bias", usual) != usual:
            raise self.bad("exponent_bias", f"is {self.given['exponent_bias']}", f"a shared exponent has the bias {usual} here")


def _text(name: str, operand: _Operand, floor: bool) -> str:
    width = operand.whole("width")
    if name in ("integer", "fixed", "integer_floor"):
        return f"fixed<{width},{width - operand.whole('frac_width', width // 2)}{',trn' if floor else ''}>"
    if name == "binary":
        operand.flag("stochastic", wanted=False)
        operand.flag("bipolar", wanted=True)
        return "binary[scale=1]"
    if name == "block_log":
        return f"blog<{width - 1},{operand.whole('exponent_bias_width')},{operand.block('block_size')}>"
    if name == "log":
        return f"log<{width - 1}{operand.bias}>"
    exponent = operand.whole("exponent_width")
    if name == "block_minifloat":
        mantissa, shared = width - 1 - exponent, operand.whole("exponent_bias_width")
        return f"bminifloat<{exponent},{mantissa},{shared},{operand.block('block_size')}>"
    if name in ("block_fp", "mxint_hardware"):
        operand.usual_bias(exponent)
        return f"mxint<{width},{exponent},{operand.block('block_size' if name == 'block_fp' else 'parallelism')}>"
    return f"minifloat<{exponent},{width - 1 - exponent}{operand.bias}{',denormed' if name == 'minifloat_denorm' else ''}>"


# --- MASE's own file layout -----------------------------------------------------------------------------------------------


def from_passes(data: Any, where: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """``[passes.quantize]`` as our sections, and the keys that say nothing here.

    A section there replaces the default's as a whole.
    """
    quantize = data.get("quantize") if isinstance(data, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    if not isinstance(quantize, dict):
        raise _bad(f"{where}passes", "holds no [passes.quantize]", "give one, or [default], [types], [patterns] and [layers]")
    table: dict[str, Any] = dict(quantize)  # pyright: ignore[reportUnknownArgumentType]
    where = f"{where}passes.quantize"
    by = table.pop("by", None)
    if not isinstance(by, str) or by not in _BY:
        raise _bad(f"{where}.by", f"is {clean(by)[:40]!r}", suggestion(str(by)[:40], _BY))
    unused = tuple(f"passes.quantize.{key}" for key in table if key in _UNUSED)
    sections: dict[str, Any] = {}
    named: dict[str, Any] = {}
    for key, value in table.items():
        if key in _UNUSED:
            continue
        place = f"{where}.{clean(key)}"
        config = value.get("config") if isinstance(value, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        if not isinstance(config, dict):
            raise _bad(place, "holds no config", f"write [passes.quantize.{clean(key)}.config]")
        made = translated(config, f"{place}.config")  # pyright: ignore[reportUnknownArgumentType]
        if key == "default":
            sections["default"] = made
        else:
            named[key] = made if ALL in made else {**made, ALL: AUTO}
    return {**sections, _BY[by]: named}, unused
