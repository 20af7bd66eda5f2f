"""Run the cocotb test of a whole design (``testbenches/designs/design_tests.py``) on a build directory.

The reference is computed here, once, and handed over in a file: what each layer must make of each sample.  The folder
``cocotb`` of the build holds that file, the log, the results and the trace of the last run; it is put there when that ends.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import numpy as np

from hwgen.dataflow.cycles import measured_inferences, predict
from hwgen.dataflow.stage import Buffer, Dataflow, Element, Stage, integer_format, model_input
from hwgen.errors import HwgenError, clean
from hwgen.formats import IntArray
from hwgen.ir.graph import Value
from hwgen.ops.run import evaluate
from hwgen.resources import testbenches
from hwgen.rtl.assemble import TOP, assemble
from hwgen.rtl.atomic import folder_beside, install
from hwgen.rtl.build_directory import Build
from hwgen.rtl.ports import framing_errors, input_ports, output_ports
from hwgen.sim.process import run_tool
from hwgen.sim.samples import Codes, as_in_model, bounding, first_weight
from hwgen.sim.verilator import build_cocotb_model, cocotb_environment

TEST_MODULE: Final = "design_tests"
FOLDER: Final = "cocotb"
_STOPPED: Final = "the simulation ended prematurely"


@dataclass(frozen=True, slots=True)
class CocotbResult:
    """samples: different input vectors.  passed: cocotb tests that passed.  failures: one text a test that did not.

    seconds: of the simulation, without the build of the simulator.
    """

    samples: int
    passed: int
    failures: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class _Tap:
    """Nets ``<net>_valid``, ``_data`` and, where ``ready``, ``_ready``, and the raw words of all elements that pass there.

    channels: elements of a position, which begins a new beat.  words: of each sample, position by position.
    """

    net: str
    ready: bool
    layer: str
    operator: str
    value: str
    channels: int
    lanes: int
    width_bits: int
    signed: bool
    bipolar: bool
    words: list[list[int]]


@dataclass(frozen=True, slots=True)
class _Job:
    """All that the cocotb tests know of a design.

    inputs, outputs: the outer streams.  errors: framing error of each input.  taps: in the data's order.
    held: whole tensors that the FIFOs may hold.  measured: inferences from which the interval is taken.
    """

    inputs: list[_Tap]
    outputs: list[_Tap]
    errors: list[str]
    taps: list[_Tap]
    held: int
    measured: int
    latency_cycles: int
    interval_cycles: int


def input_codes(flow: Dataflow, samples: int, seed: int) -> Codes:
    """(samples, …) codes of each input: all least, all greatest, the ends of some accumulators of a first layer, then random.

    Every third random sample is of the two extreme codes only.
    """
    rng = np.random.default_rng(seed)
    found: dict[str, IntArray] = {}
    for stream in flow.inputs:
        format_, shape = integer_format(stream.value), stream.value.type.shape[1:]
        extremes = np.array([format_.low, format_.high])
        rows: list[IntArray] = [np.full(shape, format_.low), np.full(shape, format_.high)]
        weight = first_weight(flow, stream)
        if weight is not None:
            widest = int(np.abs(weight).reshape(len(weight), -1).sum(axis=1).argmax())
            for row in (widest, int(rng.integers(len(weight)))):
                rows += bounding(weight[row], format_, shape)
        while len(rows) < samples:
            if format_.bipolar or len(rows) % 3 == 0:
                rows.append(rng.choice(extremes, shape))
            else:
                rows.append(rng.integers(format_.low, format_.high + 1, shape))
        found[model_input(stream).name] = as_in_model(np.stack(rows[:samples]).astype(np.int64), stream.value)
    return found


def run_cocotb(build: Build, *, samples: int, seed: int, waves: bool = False) -> CocotbResult:
    """Simulates ``build`` with its cocotb test: values of every layer, handshakes, reset, tlast and cycles under random traffic.

    waves: leave ``cocotb/dump.vcd`` in the build.  Raises HwgenError (``no-cocotb``) where cocotb or pytest, whose
    messages it uses, is not installed, and HwgenFailure where no simulator can be
    built of the design.  A design that stops the simulator is a failure of the result.
    """
    if samples < 1:
        raise HwgenError("samples", f"samples={samples}", "is not positive", "give at least 1")
    for package in ("cocotb", "pytest"):
        if importlib.util.find_spec(package) is None:
            raise HwgenError("no-cocotb", package, "is not installed", "install it with `pip install hwgen[sim]`")
    program = build_cocotb_model(build.sources, TOP, trace=waves)
    final = build.folder / FOLDER
    with folder_beside(final) as folder:
        # the memory files are found from there as from the build itself
        (folder / "mem").symlink_to(Path("..") / "mem", target_is_directory=True)
        job = _job(build, input_codes(build.flow, samples, seed))
        (folder / "job.json").write_text(json.dumps(asdict(job)))
        start = time.perf_counter()
        passed, failures = _simulate(program, folder, seed, [clean(stage.path) for stage in build.flow.stages], waves=waves)
        seconds = time.perf_counter() - start
        install(folder, final)
    return CocotbResult(samples, passed, failures, seconds)


def _simulate(program: Path, folder: Path, seed: int, layers: Sequence[str], *, waves: bool) -> tuple[int, tuple[str, ...]]:
    """Runs the program in ``folder``: how many tests passed, and what the others said.  layers: of the stages."""
    results = folder / "results.xml"
    environment = cocotb_environment(TOP, TEST_MODULE, results=results, seed=seed)
    library = testbenches()
    environment["PYTHONPATH"] = os.pathsep.join([str(library / "designs"), str(library), environment["PYTHONPATH"]])
    environment["HWGEN_JOB"] = str(folder / "job.json")
    command = [str(program), "+verilator+rand+reset+2", f"+verilator+seed+{seed % 0x7FFFFFFE + 1}", *(["--trace"] if waves else [])]
    with (folder / "log.txt").open("w") as log:
        status = run_tool(command, folder, env=environment, log=log).returncode
    tests = list(ElementTree.parse(results).iter("testcase")) if results.is_file() else []
    said = [_failure(test) for test in tests]
    failures = tuple(text for text in said if text is not None)
    if not tests or (status != 0 and not failures) or any(_STOPPED in text for text in failures):
        # the design's own assertion, which cocotb does not know
        failures = (_last_words(folder / "log.txt", status, layers), *(text for text in failures if _STOPPED not in text))
    return said.count(None), failures


def _last_words(log: Path, status: int, layers: Sequence[str]) -> str:
    """Why a simulator stopped by itself: the first complaint of its log, with the layer of the instance that it names."""
    lines = log.read_text(errors="replace").splitlines()
    complaint = next((line for line in lines if "%Error" in line or "Assertion failed" in line), lines[-1] if lines else "nothing")
    found = re.search(r"\bu_s(\d+)_", complaint)
    where = f"layer {layers[int(found[1])]!r}: " if found and int(found[1]) < len(layers) else ""
    return f"{where}the simulator stopped with status {status}: {clean(complaint)} (all of it is in {FOLDER}/log.txt of the build)"


def _failure(test: ElementTree.Element) -> str | None:
    """What a test that failed said, after its name; None for one that passed."""
    for kind in ("failure", "error"):
        found = test.find(kind)
        if found is not None:
            said = found.get("message") or found.get("error_msg") or found.text or found.get("error_type") or kind
            first = re.sub(r"^\w*Error: ", "", said.strip()).partition("\nassert ")[0]
            return f"{test.get('name')}: {clean(' '.join(first.split()))}"
    return None


# --- the job ----------------------------------------------------------------------------------------------------------


def _job(build: Build, codes: Codes) -> _Job:
    flow = build.flow
    values = evaluate(build.graph, codes)

    def tap(net: str, value: Value, lanes: int, layer: str, operator: str, *, ready: bool = True) -> _Tap:
        format_ = integer_format(value)
        array = np.asarray(values[value], dtype=np.int64).reshape(len(values[value]), -1)
        raw = np.asarray(format_.to_bits(array), dtype=np.int64)
        return _Tap(
            net, ready, clean(layer), operator, clean(value.name), value.type.shape[-1], lanes, format_.bits, format_.signed,
            format_.bipolar, raw.tolist(),
        )

    def unit_taps(stage: Stage) -> Iterator[_Tap]:
        """What leaves each operator inside a stage, where that is valid data that never stalls."""
        for number, placed in enumerate(stage.piped):
            following = stage.piped[number + 1 :]
            if not following or following[0].node is not placed.node:
                net = f"{stage.name}_p{number + stage.gated}"
                yield tap(net, placed.node.output, placed.unit.out_lanes, stage.path, placed.node.op, ready=False)

    def taps() -> Iterator[_Tap]:
        nets = dict(assemble(flow).nets)
        for element in flow.elements:
            if isinstance(element, Stage):
                yield from unit_taps(element)
            layer = element.path if isinstance(element, Stage) else element.takes[0].value.producer.path
            for stream in element.gives:
                yield tap(nets[stream], stream.value, stream.lanes, layer, "stream")

    performance = predict(flow)
    ins, outs = zip(flow.inputs, input_ports(flow), strict=True), zip(flow.outputs, output_ports(flow), strict=True)
    return _Job(
        [tap(port.name, s.value, s.lanes, model_input(s).producer.path, "input") for s, port in ins],
        [tap(port.name, s.value, s.lanes, s.value.producer.path, "output") for s, port in outs],
        list(framing_errors(flow)),
        list(taps()),
        sum(_depth(e) // min(s.beats for s in e.gives) for e in flow.elements),
        measured_inferences(flow),
        performance.latency_cycles,
        performance.interval_cycles,
    )


def _depth(element: Element) -> int:
    """Places of its FIFO, in beats."""
    return element.fifo_depth if isinstance(element, Stage) else element.depth if isinstance(element, Buffer) else 0
