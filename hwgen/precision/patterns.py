"""Regular expressions of configuration files, matched in time that grows with the length of a name and no faster.

Expressions of strangers are never given to Python's own matcher, which tries every way to match: RE2's automaton reads each
character once.  It has no look-around and no back references, and refuses what would need much memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from hwgen.errors import HwgenError, clean

MAX_PATTERN: Final = 500
"""Characters of an expression."""
MAX_PATTERNS: Final = 100
"""Expressions of one file."""


def matcher(pattern: str, where: str) -> Callable[[str], bool]:
    """Whether a name matches in full.  where: of the error for what is no expression."""
    if len(pattern) > MAX_PATTERN:
        raise HwgenError("config", where, f"has {len(pattern)} characters; the limit is {MAX_PATTERN}", "use a shorter expression")
    import re2

    options: Any = re2.Options()
    options.log_errors = False
    try:
        compiled: Any = re2.compile(pattern, options)
    except Exception as error:  # its error class stands outside the types that the package declares
        reason = error.args[0] if error.args else error
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        fix = "write it in RE2's syntax: no look-around, no back references"
        raise HwgenError("config", where, f"is no regular expression: {clean(text)}", fix) from error
    return lambda name: compiled.fullmatch(name.encode(errors="replace").decode()) is not None
