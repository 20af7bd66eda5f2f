"""``hwgen inspect``: the integers, scales and ranges of each value of the lowered graph."""

from __future__ import annotations

from hwgen.cli.options import AnyPath, Explain, Json, ModelOptions, with_model_options


@with_model_options
def inspect(model: AnyPath, options: ModelOptions, explain: Explain = False, json: Json = False) -> None:
    """Show integers, scales and ranges.

    Of each value of the lowered graph: its codes, the range proven and the range seen, its scale, its requantizer.
    """
    from hwgen import flow
    from hwgen.cli.passes import pass_records, print_passes
    from hwgen.cli.screen import Screen
    from hwgen.cli.values import describe_values, some
    from hwgen.rtl.build_directory import Build

    screen = Screen(as_json=json)
    with options.resolved(model) as request:
        if model.is_dir():
            existing = Build(model)
            lowered, quantizers = flow.Lowered(existing.graph, existing.graph, ()), existing.quantizers
        else:
            lowered = flow.lower(flow.import_model(model), request.options)
            quantizers = lowered.quantizers
        rows = describe_values(lowered.graph, request.options, quantizers)
    record = {"model": {"name": lowered.graph.name}, "values": [r.record() for r in rows], "host_steps": list(lowered.host_steps)}
    if explain:
        record["passes"] = pass_records(lowered.infos)
        print_passes(screen, lowered.infos)
    screen.result(record)
    columns = ["value", "layer", "operator", "shape", "codes", "proven", "seen", "scale", "offset", "how"]
    screen.table(
        columns,
        [
            [
                r.name, r.layer, r.operator, "x".join(map(str, r.shape)), r.codes, f"{r.low}..{r.high}",
                f"{r.seen_low}..{r.seen_high}", some(r.scale), some(r.offset), r.how,
            ]
            for r in rows
        ],
    )
    screen.line()
    screen.line(f"seen: over {rows[0].samples} samples; the real value of a code is scale * code + offset")
