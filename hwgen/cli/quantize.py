"""``hwgen quantize``: a model with the formats of a configuration, and how good its integers are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from hwgen.cli import calibration as ptq
from hwgen.cli.options import (
    CalibrationFile,
    ConfigFile,
    Explain,
    Hls4mlConfigFile,
    InputFormatText,
    Json,
    ModelOptions,
    ModelPath,
    PrecisionText,
)
from hwgen.errors import HwgenError

if TYPE_CHECKING:
    from hwgen.cli.screen import Cell
    from hwgen.flow import BuildOptions, Lowered
    from hwgen.ir.graph import Graph
    from hwgen.precision.points import Point


def quantize(
    model: ModelPath,
    config: ConfigFile = None,
    hls4ml_config: Hls4mlConfigFile = None,
    precision: PrecisionText = None,
    calibration: CalibrationFile = None,
    input_format: InputFormatText = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FILE.npz", help="Inputs by name (or x) and targets (y), to judge with."),
    ] = None,
    metric: Annotated[
        str, typer.Option("--metric", metavar="NAME", help="What judges: a known metric, or package.module:function."),
    ] = "accuracy",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.hwg", help="Where to (build/<name of the model>.quantized.hwg)."),
    ] = None,
    hls4ml: Annotated[
        Path | None, typer.Option("--hls4ml", metavar="FILE", help="Also write the formats in hls4ml's form (.yml or .json)."),
    ] = None,
    write_config: Annotated[
        Path | None, typer.Option("--write-config", metavar="FILE.toml", help="Also write what the configuration says, as TOML."),
    ] = None,
    method: ptq.Method = None,
    share: ptq.Share = None,
    power_of_two_scales: ptq.PowerOfTwoScales = False,
    equalize: ptq.Equalize = False,
    round_weights: ptq.RoundWeights = False,
    bias_correction: ptq.BiasCorrection = False,
    explain: Explain = False,
    json: Json = False,
) -> None:
    """Give a model the formats of a configuration.

    Writes the quantized model, whose build is the same as that of the model with the configuration, and lists its formats.
    With --data: the metric of the model in float64, and of the integers that the hardware computes.  --method, --equalize, --round
    and --bias-correction fit formats and weights to each other after training, on the data of --calibration.
    """
    from dataclasses import replace

    from hwgen import flow
    from hwgen.cli.passes import pass_records, precision_facts, print_passes
    from hwgen.cli.screen import Screen
    from hwgen.data import read_dataset
    from hwgen.errors import clean
    from hwgen.formats import REAL
    from hwgen.ir.text import print_graph
    from hwgen.metrics import metric_of
    from hwgen.post_training import PostTraining, quantize_after_training
    from hwgen.precision.points import points
    from hwgen.precision.toml_text import to_toml
    from hwgen.profile.exact import exact_outputs, real_outputs
    from hwgen.rtl.atomic import write_text

    target = out or Path("build") / f"{model.stem}.quantized.hwg"
    _check_suffix("--out", target, ".hwg")
    _check_suffix("--hls4ml", hls4ml, ".yml", ".yaml", ".json")
    _check_suffix("--write-config", write_config, ".toml")
    judge = metric_of(metric)
    chosen = PostTraining(
        cast(Any, method), *([] if share is None else [share]), power_of_two_scales=power_of_two_scales, equalize=equalize,
        round_weights=round_weights, correct_biases=bias_correction,
    )
    screen = Screen(as_json=json)
    asked = ModelOptions(
        config=config, hls4ml_config=hls4ml_config, precision=precision, input_format=input_format,
        calibration=calibration if method is None else None,  # --method chooses the ranges, of several inputs as well
    )
    judged: dict[str, Any] | None = None
    with asked.resolved(model) as request, screen.working() as progress:
        options = replace(request.options, argmax=False)
        progress("import")
        imported = flow.import_model(model)
        if any(v.type.format is not REAL for v in imported.inputs):
            raise HwgenError("usage", f"model {imported.name!r}", "is lowered already", "give the model before lowering")
        samples = None if data is None else read_dataset(data, imported)
        progress("lower")
        graph = None
        if chosen.wanted:
            seen = None if calibration is None else read_dataset(calibration, imported)
            graph, infos = quantize_after_training(imported, options, chosen, seen)
            lowered = flow.lower(graph)
            lowered = replace(lowered, infos=(*infos, *lowered.infos))
        else:
            lowered = flow.lower(imported, options)
        if samples is not None:
            progress("judge")
            exact, real = exact_outputs(lowered, samples), real_outputs(imported, samples)
            judged = {
                "name": judge.name, "samples": samples.samples, "float": judge(real, samples.targets),
                "exact": judge(exact, samples.targets),
            }
        files = {target: print_graph(lowered.quantized)}
        if hls4ml is not None:
            given = flow.for_training(imported, options)[0] if graph is None else graph
            files[hls4ml] = _for_hls4ml(imported, given, lowered, options, hls4ml)
        if write_config is not None:
            said = options.formats or options.folding
            if said is None:
                raise HwgenError("usage", "--write-config", "there is no configuration", "give --config or --hls4ml-config")
            files[write_config] = to_toml(said)
    for path, text in files.items():
        write_text(path, text)
    found = [p for p in points(lowered.quantized) if p.format is not None or p.role in ("weight", "bias")]
    bits = {role: _bits(found, role) for role in ("weight", "bias", "input")}
    record: dict[str, Any] = {
        "model": {"name": imported.name, "nodes": len(imported.nodes)}, "file": str(target), "files": list(map(str, files)),
        "points": [_record(p) for p in found], "bits": bits, "metric": judged, "default_precision": lowered.default_precision,
    }
    if explain:
        record["passes"] = pass_records(lowered.infos)
        print_passes(screen, lowered.infos)
    screen.result(record)
    screen.table(["layer", "operator", "role", "format", "elements", "bits"], [_row(p) for p in found])
    screen.line()
    screen.facts(
        [
            ("bits of weights", f"{bits['weight']:g}"), ("bits of biases", f"{bits['bias']:g}"),
            ("bits of inputs of layers", f"{bits['input']:g}"),
            *precision_facts(lowered, options),
            *([] if judged is None else [
                (f"{clean(judge.name)} in float64", f"{judged['float']:.6g} on {judged['samples']} samples"),
                (f"{clean(judge.name)}, exact", f"{judged['exact']:.6g} (the integers that the hardware computes)"),
            ]),
            *(("written to", clean(path)) for path in files),
        ]
    )


def _check_suffix(option: str, path: Path | None, *suffixes: str) -> None:
    if path is not None and path.suffix not in suffixes:
        fix = f"name the file something{suffixes[0]}"
        raise HwgenError("usage", f"{option} {path.name!r}", f"does not end in {' or '.join(suffixes)}", fix)


def _for_hls4ml(imported: Graph, given: Graph, lowered: Lowered, options: BuildOptions, path: Path) -> str:
    """The file for hls4ml, which was read again and makes the same integers.  Raises HwgenError where it cannot say the formats."""
    from dataclasses import replace
    from tempfile import TemporaryDirectory

    from hwgen import flow
    from hwgen.frontend.hls4ml_config import read_hls4ml_config
    from hwgen.frontend.hls4ml_writer import hls4ml_config, written
    from hwgen.ir.sameness import same_computation

    text = written(hls4ml_config(given), as_json=path.suffix == ".json")
    with TemporaryDirectory() as folder:
        again = Path(folder) / path.name
        again.write_text(text)
        formats = read_hls4ml_config(again)
    options = replace(options, formats=formats, precision=None, calibration=None)
    if not same_computation(flow.lower(imported, options).graph, lowered.graph):
        what = "a model with these types would compute something else: some formats are the model's own, or exact"
        raise HwgenError("hls4ml", f"--hls4ml {path.name!r}", what, "give each layer's weight, bias and output a format of its own")
    return text


def _bits(found: list[Point], role: str) -> float:
    return float(sum((p.bits or 0) for p in found if p.role == role))


def _record(point: Point) -> dict[str, Any]:
    return {
        "path": point.path, "op": point.op, "role": point.role, "value": point.value.name, "shape": list(point.value.type.shape),
        "elements": point.elements, "format": None if point.format is None else str(point.format),
        "bits": None if point.bits is None else float(point.bits),
    }


def _row(point: Point) -> list[Cell]:
    bits = None if point.bits is None else float(point.bits)
    format_ = "exact" if point.format is None else str(point.format)
    return [point.path, point.op, point.role, format_, point.elements, bits]
