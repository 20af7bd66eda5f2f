"""The command line of mutation testing."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from mutation import report, survivors
from mutation.campaign import Campaign
from mutation.mutant import Mutant
from mutation.sampling import sample
from mutation.sources import mutants_of, sources
from mutation.workspace import Broken, Outcome
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

ROOT: Final = Path(__file__).resolve().parents[2]
DEFAULT_SAMPLE: Final = 260
DEFAULT_SEED: Final = 1


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The parsed command line."""
    parser = argparse.ArgumentParser(
        prog="python tests/mutation",
        description="Break templates, passes and exact numerics on purpose, one mistake at a time, and see the ordinary tests "
        "fail. Stopped at any moment, it goes on where it was. Exit 0: enough are killed and every survivor has a reason.",
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (default 1)")
    parser.add_argument("--sample", type=int, default=DEFAULT_SAMPLE, metavar="N", help=f"about how many ({DEFAULT_SAMPLE})")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, metavar="S", help=f"of the sample (default {DEFAULT_SEED})")
    parser.add_argument("--all", action="store_true", help="every mutant (hours)")
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="mutants whose id holds TEXT; may be repeated")
    parser.add_argument("--fresh", action="store_true", help="forget what earlier runs found out")
    parser.add_argument("--list", action="store_true", help="print the chosen mutants and judge none")
    parser.add_argument("--show", metavar="ID", help="print the change that a mutant makes")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Run; returns the exit code: 0 good, 1 too few killed or a survivor without a reason, 2 the run itself is not possible."""
    options = arguments(words)
    errors = Console(stderr=True, highlight=False)
    if options.show:
        return _show(options.show, errors)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = ROOT / "build" / "mutation"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / "lock", timeout=0):
            return _run(options, folder, errors)
    except Timeout:
        errors.print(f"another run is at work in {folder}")
    except KeyboardInterrupt:
        errors.print("stopped; the next run goes on from here")
    except (Broken, ValueError) as error:
        errors.print(Text(str(error)))
    return 2


def _show(name: str, errors: Console) -> int:
    for path in sources(ROOT):
        for mutant in mutants_of(ROOT, path) if name.startswith(path) else ():
            if mutant.id == name:
                print(mutant.diff((ROOT / path).read_bytes()))
                return 0
    errors.print(Text(f"no mutant {name}"))
    return 2


def _run(options: argparse.Namespace, folder: Path, errors: Console) -> int:
    reasons = survivors.read(Path(__file__).parent / "survivors.toml")
    campaign = Campaign(ROOT, folder, options.jobs, fresh=options.fresh)
    every = campaign.mutants()
    chosen = [mutant for mutant in every if not options.only or any(text in mutant.id for text in options.only)]
    if not options.all and not options.only:
        chosen = sample(every, options.sample, options.seed)
    errors.print(f"{len(chosen)} of {len(every)} mutants")
    if options.list:
        print("\n".join(mutant.id for mutant in chosen))
        return 0
    outcomes = _judge(campaign, chosen, errors)
    return _conclude(campaign, {m: outcomes[m] for m in chosen}, every, reasons)


def _judge(campaign: Campaign, chosen: Sequence[Mutant], errors: Console) -> dict[Mutant, Outcome]:
    outcomes: dict[Mutant, Outcome] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors) as progress:
        task = progress.add_task("mutants", total=len(chosen))

        def done(mutant: Mutant, outcome: Outcome) -> None:
            outcomes[mutant] = outcome
            alive = sum(o.status == "survived" for o in outcomes.values())
            progress.update(task, advance=1, description=f"mutants, {alive} alive")

        campaign.judge(chosen, done)
    return outcomes


def _conclude(
    campaign: Campaign, outcomes: dict[Mutant, Outcome], every: Sequence[Mutant], reasons: dict[str, survivors.Reason]
) -> int:
    out = Console(highlight=False)
    if not out.is_terminal:
        out = Console(highlight=False, width=132)
    report.show(out, outcomes, reasons)
    for name in sorted(reasons.keys() - {mutant.id for mutant in every}):
        out.print(Text(f"survivors.toml: {name} is no mutant any more"))
    for mutant, outcome in outcomes.items():
        if mutant.id in reasons and outcome.status != "survived":
            out.print(Text(f"survivors.toml: {mutant.id} is {outcome.status} now, by {outcome.test}"))
    bare = report.unexplained(outcomes, reasons)
    for mutant in bare:
        text = (campaign.tree / mutant.path).read_bytes()
        out.print(Text(f"\nsurvives without a reason: {mutant.id} (line {mutant.line(text)})\n{mutant.diff(text)}"), soft_wrap=True)
    total = report.tally(outcomes, reasons)
    out.print(
        f"\nkilled: {total.score:.1%} of the viable ones (wanted: {report.GOAL:.0%}), "
        f"{total.score_of_different:.1%} of those that are not equivalent; survivors without a reason: {len(bare)}"
    )
    return int(bool(bare) or total.score < report.GOAL)
