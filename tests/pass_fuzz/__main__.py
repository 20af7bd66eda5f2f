"""Every pass on random graphs, held to what its `Effect` promises.  In tests/:

    python -m pass_fuzz FILE.hwg PASS SEED     one case again
    python -m pass_fuzz --count 300 SEED       more of them
"""

from __future__ import annotations

import argparse
from pathlib import Path

from hwgen.ir.text import parse_graph
from hwgen.ops.table import ATTRS
from hwgen.pipeline import known_passes, pass_of
from pass_fuzz.failures import broken, fuzz
from pass_fuzz.subjects import Subject, options


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int)
    parser.add_argument("case", nargs="+")
    given = parser.parse_args()
    if given.count is not None:
        held, found = fuzz(int(given.case[0]), given.count, list(known_passes().values()))
        print(*(f"{n:6} {name}" for name, n in sorted(held.items())), *found, sep="\n")
        return 1 if found else 0
    path, name, seed = given.case
    graph = parse_graph(Path(path).read_text(), ATTRS)
    one = pass_of(name, **options(known_passes()[name], graph, int(seed)))
    what = broken(one, Subject("given", graph, int(seed)))
    print(f"{one}: {what or 'keeps its promises'}")
    return 1 if what else 0


if __name__ == "__main__":
    raise SystemExit(main())
