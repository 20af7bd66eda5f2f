"""The one error type that a user sees, and its two exits.

A message names the place, the reason and the way out, on one line:
``unsupported node 'layer1.conv': groups=4 with 6 input channels; make the channels a multiple of groups``.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

EXIT_FAILED: Final = 1
"""What was asked for was tried and failed (a mismatch, a simulator that stopped)."""
EXIT_BAD_INPUT: Final = 2
"""The input or the usage is wrong; nothing was tried."""

_MAX_TEXT: Final = 300
"""Longest piece of foreign text repeated in a message, in characters."""


def clean(text: object) -> str:
    """``text`` on one line, printable and of bounded length: safe to show whatever a foreign file holds."""
    shown = "".join(c if c.isprintable() else "?" for c in str(text))
    return shown if len(shown) <= _MAX_TEXT else f"{shown[:_MAX_TEXT]}… ({len(shown)} characters)"


class HwgenError(Exception):
    """Bad input or usage.

    code: short stable identifier such as ``unsupported-node``.  where: the place as the user knows it.
    what: the reason.  fix: the way out.
    """

    exit_code = EXIT_BAD_INPUT

    def __init__(self, code: str, where: str, what: str, fix: str) -> None:
        self.code, self.where, self.what, self.fix = code, clean(where), clean(what), clean(fix)
        super().__init__(self.code, self.where, self.what, self.fix)

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.fix} [{self.code}]"


class HwgenFailure(HwgenError):
    """The thing asked for was tried and failed: a mismatch, a tool that stopped, a deadlock."""

    exit_code = EXIT_FAILED


@contextmanager
def understood(where: str) -> Generator[None]:
    """Reading foreign input: what trips over it without a reason of its own is a refusal too, and worth a report.

    Raises HwgenError (``not-understood``); HWGEN_DEBUG=1 shows where it came from.
    """
    try:
        yield
    except (HwgenError, MemoryError, RecursionError, OSError):
        raise
    except Exception as error:
        if os.environ.get("HWGEN_DEBUG") == "1":
            raise
        what = f"is not understood: {type(error).__name__}: {clean(error)}"
        raise HwgenError("not-understood", where, what, "please report this, with the file that caused it") from error


class Problems(HwgenError):
    """Several independent problems of one input; shown one a line by ``hwgen check``."""

    def __init__(self, problems: tuple[HwgenError, ...]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more: `hwgen check` lists them)" if len(problems) > 1 else ""
        super().__init__(first.code, first.where, first.what, first.fix + more)
        self.problems = problems

    def __reduce__(self) -> tuple[type[Problems], tuple[tuple[HwgenError, ...]]]:
        return type(self), (self.problems,)
