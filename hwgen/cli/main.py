"""The command ``hwgen``: its commands, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any, Final, NoReturn

import typer
from typer.core import TyperGroup

from hwgen.cli.build import build
from hwgen.cli.check import check
from hwgen.cli.doctor import doctor
from hwgen.cli.emit import emit
from hwgen.cli.estimate import estimate
from hwgen.cli.formats import formats
from hwgen.cli.import_ import import_
from hwgen.cli.inspect import inspect
from hwgen.cli.ops import ops
from hwgen.cli.report import report
from hwgen.cli.show import show
from hwgen.cli.sim import sim
from hwgen.cli.synth import synth
from hwgen.cli.trace import trace
from hwgen.errors import EXIT_BAD_INPUT, EXIT_FAILED, HwgenError, clean

EXIT_INTERRUPTED: Final = 130


class _Interrupted(Exception):
    """Ctrl-C, past the handling of the library that parses the command line."""


class _Commands(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise _Interrupted from None


def _version(wanted: bool) -> None:
    if wanted:
        from hwgen import __version__

        sys.stdout.write(f"hwgen {__version__}\n")
        raise typer.Exit


app = typer.Typer(
    name="hwgen", cls=_Commands, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
    help="From a trained, quantized neural network to verified dataflow SystemVerilog.",
    epilog="Exit codes: 0 done and verified, 1 tried and failed, 2 bad input or usage.",
)


@app.callback()
def _common(version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version.")) -> None:
    """From a trained, quantized neural network to verified dataflow SystemVerilog."""
    del version  # its callback has done the work


for _command in (build, check, import_, show, inspect, estimate, emit, sim, synth, report, trace, ops, formats, doctor):
    app.command(_command.__name__.rstrip("_"))(_command)


def _say(error: HwgenError, *, as_json: bool) -> int:
    sys.stderr.write(f"{error}\n" if error.where.startswith("hwgen") else f"hwgen: {error}\n")
    if as_json:
        record = {"code": error.code, "where": error.where, "what": error.what, "fix": error.fix}
        sys.stdout.write(json.dumps({"error": record}) + "\n")
    return error.exit_code


def _usage_error(error: Exception) -> HwgenError | None:
    """What the library that parses the command line has to say, as our own error; None for any other exception."""
    message = getattr(error, "format_message", None)
    if message is None:
        return None
    context: Any = getattr(error, "ctx", None)
    command = str(context.command_path) if context is not None else "hwgen"
    return HwgenError("usage", command, " ".join(message().split()).rstrip("."), f"see `{command} --help`")


def run(arguments: Sequence[str]) -> int:
    """Runs ``hwgen ARGUMENTS`` and returns its exit code; every exception becomes one line on stderr."""
    as_json = "--json" in arguments
    try:
        with warnings.catch_warnings():
            if os.environ.get("HWGEN_DEBUG") != "1":  # a library's warning about a model's numbers is no message of ours
                warnings.simplefilter("ignore")
            code = app(list(arguments), standalone_mode=False, prog_name="hwgen")
        sys.stdout.flush()
    except HwgenError as error:
        return _say(error, as_json=as_json)
    except (KeyboardInterrupt, _Interrupted):
        sys.stderr.write("hwgen: interrupted; nothing half-made was left\n")
        return EXIT_INTERRUPTED
    except (MemoryError, RecursionError) as error:
        too_large = "does not fit in memory" if isinstance(error, MemoryError) else "is nested too deeply"
        return _say(HwgenError("too-large", "model or data", too_large, "use a smaller model, or fewer samples"), as_json=as_json)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except OSError as error:  # a name that is too long, a folder that vanished
        place = repr(clean(error.filename)) if error.filename is not None else "system"
        return _say(HwgenError("system", place, error.strerror or str(error), "check the path"), as_json=as_json)
    except Exception as error:  # noqa: BLE001 - the last resort of the command line; HWGEN_DEBUG=1 shows all of it
        usage = _usage_error(error)
        if usage is not None:
            return _say(usage, as_json=as_json)
        if os.environ.get("HWGEN_DEBUG") == "1":
            import traceback

            traceback.print_exc()
        internal = HwgenError(
            "internal", "internal error", f"{type(error).__name__}: {clean(error)}",
            "please report this, with what HWGEN_DEBUG=1 shows and the file that caused it",
        )
        _say(internal, as_json=as_json)
        return EXIT_FAILED
    return code if isinstance(code, int) else 0


def main() -> NoReturn:
    """The entry point."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # a name of a model must not stop us on a terminal that cannot show it
            reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


__all__ = ["EXIT_BAD_INPUT", "EXIT_FAILED", "EXIT_INTERRUPTED", "app", "main", "run"]
