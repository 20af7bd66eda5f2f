"""The lab on mixed precision as a script: all cells of `lab.py`, one after the other, as its notebook runs them.

    python -m examples.mixed_precision.run

Prints the tables under the headings of the lab and leaves plots and studies in build/mixed_precision.  Exits with 1 unless the
hardware that is built at the end predicts what the search saw of it, image by image.
"""

from __future__ import annotations

import sys
from typing import Any

from examples.mixed_precision.notebook import LAB, cells
from examples.show import console


def main() -> int:
    """0 where what is built is what was tried."""
    names: dict[str, Any] = {"__name__": "lab"}
    for cell in cells(LAB.read_text(encoding="utf-8")):
        if cell.kind == "code":
            lines = "\n" * (cell.first_line - 1)  # errors name the line of the script
            exec(compile(lines + cell.source, str(LAB), "exec"), names)  # noqa: S102 - the repository's own
        elif cell.source.startswith("#"):
            console().rule(cell.source.partition("\n")[0].lstrip("# "))
    return 0 if names["same"] else 1


if __name__ == "__main__":
    sys.exit(main())
