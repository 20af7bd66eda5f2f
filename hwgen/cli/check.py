"""``hwgen check``: what of a model is supported, before anything is written."""

from __future__ import annotations

import sys

import typer

from hwgen.cli.options import Explain, Json, ModelOptions, ModelPath, with_model_options
from hwgen.errors import EXIT_BAD_INPUT, HwgenError


@with_model_options
def check(model: ModelPath, options: ModelOptions, explain: Explain = False, json: Json = False) -> None:
    """List what is supported and what is not.

    Reads the model and tries the way down to the plan; writes nothing.
    """
    from hwgen import flow
    from hwgen.cli.node_status import node_statuses
    from hwgen.cli.passes import pass_records, print_passes
    from hwgen.cli.screen import Screen

    screen = Screen(as_json=json)
    with options.resolved(model) as request:
        read = flow.check_model(model)
        statuses = node_statuses(model, read)
        problems: list[HwgenError] = list(read.problems)
        lowered = None
        if read.graph is not None:
            try:
                lowered = flow.lower(read.graph, request.options)
                flow.plan_dataflow(lowered.graph, request.options)
            except HwgenError as error:
                problems += getattr(error, "problems", (error,))
    record = {
        "model": {"name": model.stem, "nodes": read.node_count},
        "nodes": [{"operator": s.operator, "path": s.path, "status": s.status} for s in statuses],
        "problems": [{"code": p.code, "where": p.where, "what": p.what, "fix": p.fix} for p in problems],
    }
    infos = lowered.infos if lowered is not None else ()
    if explain:
        record["passes"] = pass_records(infos)
        print_passes(screen, infos)
    screen.result(record)
    screen.table(["operator", "node", "status"], [[s.operator, s.path, s.status] for s in statuses])
    screen.line()
    for problem in problems:
        screen.line(str(problem))
    if problems:
        sys.stderr.write(f"hwgen: {problems[0]}{f' (and {len(problems) - 1} more)' if len(problems) > 1 else ''}\n")
        raise typer.Exit(EXIT_BAD_INPUT)
    screen.line(f"{read.node_count} nodes, all supported; the model can be built")
