"""``hwgen emit``: the build directory, without simulating it."""

from __future__ import annotations

from hwgen.cli.options import Explain, Json, ModelOptions, ModelPath, with_model_options


@with_model_options
def emit(model: ModelPath, options: ModelOptions, explain: Explain = False, json: Json = False) -> None:
    """Write the hardware without simulating it.

    `hwgen sim` verifies the build directory later.
    """
    from hwgen import flow
    from hwgen.cli.layers import layer_records, memory_facts, print_layers
    from hwgen.cli.passes import pass_records, precision_facts, print_passes, takes_default_input
    from hwgen.cli.screen import Screen
    from hwgen.errors import clean
    from hwgen.explain import dataflow_infos

    screen = Screen(as_json=json)
    with options.resolved(model) as request, screen.working() as progress:
        made = flow.emit_model(model, request.out, request.options, progress=progress)
    record = {
        "model": {"name": made.graph.name, "nodes": len(made.graph.nodes), "macs": made.flow.macs},
        "input_format": next(iter(made.lowered.input_formats.values())),
        "host_steps": list(made.lowered.host_steps), "default_precision": made.lowered.default_precision,
        "performance": {
            "predicted_latency_cycles": made.predicted.latency_cycles,
            "predicted_interval_cycles": made.predicted.interval_cycles, "multipliers": made.flow.multipliers,
        },
        **layer_records(made.flow, made.predicted.interval_cycles), "seconds": made.seconds, "build_dir": str(made.build_dir),
    }
    if explain:
        infos = (*made.lowered.infos, *dataflow_infos(made.flow))
        record["passes"] = pass_records(infos)
        print_passes(screen, infos)
    screen.result(record)
    print_layers(screen, made.flow, made.predicted.interval_cycles)
    taken = " (the default; --input-format chooses another)" if takes_default_input(made.lowered, request.options) else ""
    screen.facts(
        [
            ("input format", clean(", ".join(made.lowered.input_formats.values())) + taken),
            *precision_facts(made.lowered, request.options),
            ("latency", f"{made.predicted.latency_cycles} cycles predicted"),
            ("interval", f"{made.predicted.interval_cycles} cycles predicted"),
            ("multipliers", str(made.flow.multipliers)),
            *memory_facts(made.flow),
            ("build directory", clean(made.build_dir)),
        ]
    )
