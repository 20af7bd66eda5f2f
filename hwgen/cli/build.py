"""``hwgen build``: everything, from the model to verified RTL."""

from __future__ import annotations

from dataclasses import replace

from hwgen.cli.options import Cocotb, Explain, Json, ModelOptions, ModelPath, Pnr, TargetName, with_model_options


@with_model_options
def build(
    model: ModelPath, options: ModelOptions, target: TargetName = None, pnr: Pnr = False, cocotb: Cocotb = False,
    explain: Explain = False, json: Json = False,
) -> None:
    """Make verified hardware from a model.

    Import, quantize if it must, lower, emit, simulate: a build directory whose every bit is compared; --target synthesizes it.
    """
    from hwgen import flow
    from hwgen.cli.layers import layer_records, memory_facts, print_layers
    from hwgen.cli.passes import pass_records, precision_facts, print_passes, takes_default_input
    from hwgen.cli.screen import Screen
    from hwgen.cli.synthesis import print_areas, synthesis_facts
    from hwgen.cli.verification import cocotb_record, exit_unless_equal, run_cocotb_of, verification_facts
    from hwgen.errors import clean
    from hwgen.explain import dataflow_infos

    screen = Screen(as_json=json)
    with options.resolved(model) as request, screen.working() as progress:
        asked = replace(request.options, target=target or request.options.target, pnr=pnr or request.options.pnr)
        report = flow.build(model, request.out, asked, progress=progress)
        bench = None
        if cocotb and report.ok:
            progress("cocotb")
            bench = run_cocotb_of(report.build_dir, report.verification.samples, request.options.seed)
    record = {**report.json(), **layer_records(report.flow, report.predicted.interval_cycles)}
    if cocotb:
        record["cocotb"] = cocotb_record(bench) if bench is not None else None
    if explain:
        infos = (*report.lowered.infos, *dataflow_infos(report.flow))
        record["passes"] = pass_records(infos)
        print_passes(screen, infos)
    screen.result(record)
    print_layers(screen, report.flow, report.predicted.interval_cycles)
    if report.synthesis is not None:
        print_areas(screen, report.synthesis)
    formats = ", ".join(report.lowered.input_formats.values())
    taken = " (the default; --input-format chooses another)" if takes_default_input(report.lowered, request.options) else ""
    seconds = ", ".join(f"{k} {v:.2f}" for k, v in report.seconds.items() if v is not None)
    screen.facts(
        [
            ("model", clean(f"{report.model}: {report.parameters} parameters, {report.flow.macs} multiplications an inference")),
            ("input format", clean(formats) + taken),
            *precision_facts(report.lowered, request.options),
            ("on the host", clean(", ".join(report.lowered.host_steps)) or "nothing"),
            ("multipliers", str(report.flow.multipliers)),
            *memory_facts(report.flow),
            *verification_facts(report.verification, report.predicted, report.build_dir, request.options.seed, bench),
            ("against float64", f"largest difference of the integer reference {report.reference_max_abs_error:.3g}"),
            *(synthesis_facts(report.synthesis) if report.synthesis is not None else ()),
            ("seconds", seconds),
            ("build directory", clean(report.build_dir)),
        ]
    )
    exit_unless_equal(report.verification, bench)
