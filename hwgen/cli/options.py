"""Options that mean the same in every command, and what they come to together with a configuration file."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, get_type_hints

import typer

from hwgen.cost.area import Target
from hwgen.errors import HwgenError

if TYPE_CHECKING:
    from hwgen.flow import BuildOptions

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else there.")]
ModelPath = Annotated[Path, typer.Argument(metavar="MODEL", help="ONNX or QONNX file, or a .hwg file.")]
AnyPath = Annotated[Path, typer.Argument(metavar="MODEL", help="ONNX or QONNX file, .hwg file, or a build directory.")]
Samples = Annotated[
    int | None, typer.Option("--samples", metavar="N", min=1, help="Inferences to verify with (100, or fewer of slow ones)."),
]
Seed = Annotated[int | None, typer.Option("--seed", metavar="S", min=0, help="Seed of random inputs and stalls (0).")]
Inputs = Annotated[
    Path | None,
    typer.Option(
        "--inputs", metavar="FILE.npy",
        help="Real inputs (samples, ...) instead of random ones, an .npz by name for several; --samples: the first N.",
    ),
]
CyclesBudget = Annotated[
    int | None,
    typer.Option("--cycles-budget", metavar="N", min=1, help="Simulated cycles that a verification should not exceed (30000000)."),
]
Cocotb = Annotated[bool, typer.Option("--cocotb", help="Also simulate with cocotb, every layer under random stalls.")]
TargetName = Annotated[Target | None, typer.Option("--target", help="Synthesize for this family of devices.")]
Pnr = Annotated[bool, typer.Option("--pnr", help="Place and route as well (ecp5): the clock, and the path that limits it.")]
Explain = Annotated[bool, typer.Option("--explain", help="Say what each pass changed, and what it left and why.")]

DEFAULT_SAMPLES: Final = 100
DEFAULT_CYCLES_BUDGET: Final = 30_000_000


@dataclass(frozen=True)
class ModelOptions:
    """How a model becomes hardware; the fields are options of the command line."""

    samples: Samples = None
    seed: Seed = None
    cycles_budget: CyclesBudget = None
    parallelism: Annotated[
        str | None,
        typer.Option("--parallelism", metavar="TEXT", help="Inputs x outputs at a time: 4x8, full, or fc1=4x8,fc2=2x2 (4x4)."),
    ] = None
    interval: Annotated[
        int | None,
        typer.Option("--interval", metavar="N", min=1, help="Choose the parallelism for at most N cycles an inference."),
    ] = None
    hls4ml_config: Annotated[
        Path | None,
        typer.Option("--hls4ml-config", metavar="FILE", help="Types of layers, in hls4ml's form (YAML or JSON)."),
    ] = None
    precision: Annotated[
        str | None,
        typer.Option("--precision", metavar="FORMAT", help="Format of what the model leaves in float, e.g. fixed<8,3>."),
    ] = None
    input_format: Annotated[
        str | None, typer.Option("--input-format", metavar="FORMAT", help="Format of the input (the model's own, or fixed<16,6>)."),
    ] = None
    argmax: Annotated[
        bool | None, typer.Option("--argmax/--no-argmax", help="Decide on chip: the index of the largest output.")
    ] = None
    calibration: Annotated[
        Path | None,
        typer.Option("--calibration", metavar="FILE.npy", help="Real data (samples, ...) that sets the ranges of --precision."),
    ] = None
    inputs: Inputs = None
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="TOML with these options; the command line wins over it."),
    ] = None
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Build directory (build/<name of the model>).")] = None

    @contextmanager
    def resolved(self, model: Path) -> Generator[Request]:
        """The options of the command line over those of the file; inside, an error about the file's layers names the file."""
        from hwgen.cli.arrays import first_samples, load_array, load_single
        from hwgen.config import Config, read_config
        from hwgen.flow import BuildOptions
        from hwgen.frontend.hls4ml_config import read_hls4ml_config

        file = read_config(self.config) if self.config is not None else Config()
        section = file.build
        beside = self.config.parent if self.config is not None else Path()
        from_file = self.parallelism is None and self.interval is None
        samples = self.samples if self.samples is not None else section.samples
        inputs = self.inputs or (beside / section.inputs if section.inputs else None)
        calibration = self.calibration or (beside / section.calibration if section.calibration else None)
        hls4ml = self.hls4ml_config or (beside / section.hls4ml_config if section.hls4ml_config else None)
        options = BuildOptions(
            samples=samples,
            seed=_first(self.seed, section.seed, 0),
            cycles_budget=_first(self.cycles_budget, section.cycles_budget, DEFAULT_CYCLES_BUDGET),
            parallelism=file.parallelism if from_file else self.parallelism,
            interval=section.interval if from_file else self.interval,
            hls4ml_config=read_hls4ml_config(hls4ml) if hls4ml is not None else None,
            precision=_first(self.precision, section.precision, None),
            calibration=load_single(calibration, "--calibration") if calibration is not None else None,
            input_format=_first(self.input_format, section.input_format, None),
            argmax=_first(self.argmax, section.argmax, False),
            inputs=first_samples(load_array(inputs, "--inputs"), samples) if inputs is not None else None,
            target=section.target,
            pnr=_first(None, section.pnr, False),
        )
        out = self.out or (Path(section.out) if section.out else Path("build") / model.stem)
        try:
            yield Request(options, out)
        except HwgenError as error:
            if error.code == "parallelism" and from_file and self.config is not None:
                raise HwgenError("config", f"config {self.config.name!r}", error.what, error.fix) from error
            raise


@dataclass(frozen=True)
class Request:
    """options: all decided.  out: the build directory."""

    options: BuildOptions
    out: Path


_T = TypeVar("_T")


def _first(given: _T | None, from_file: _T | None, default: _T) -> _T:
    if given is not None:
        return given
    return from_file if from_file is not None else default


def with_model_options(command: Callable[..., None]) -> Callable[..., None]:
    """Spreads the parameter ``options: ModelOptions`` of a command into one option a field."""
    plain = [
        p.replace(annotation=h)
        for p, h in zip(inspect.signature(command).parameters.values(), _annotations(command), strict=True)
        if p.name != "options"
    ]
    hints = get_type_hints(ModelOptions, include_extras=True)
    fields = [
        inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=hints[f.name])
        for f in dataclasses.fields(ModelOptions)
    ]

    @functools.wraps(command)
    def wrapped(**given: Any) -> None:
        options = ModelOptions(**{f.name: given.pop(f.name) for f in fields})
        command(options=options, **given)

    as_keywords = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in plain]
    vars(wrapped)["__signature__"] = inspect.Signature([*as_keywords, *fields])
    return wrapped


def _annotations(command: Callable[..., None]) -> list[Any]:
    hints = get_type_hints(command, include_extras=True)
    return [hints[name] for name in inspect.signature(command).parameters]
