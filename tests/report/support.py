"""Builds to report on, made without a simulator, and results as other days left them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from networks import mlp

from hwgen.cost.area import Area, Target
from hwgen.flow import BuildOptions, lower, plan_dataflow
from hwgen.ir.graph import Graph, Node, Value
from hwgen.ops.run import evaluate
from hwgen.rtl.build_directory import Build, write_build
from hwgen.sim.compare import TrialResult, Verification, codes_sha256
from hwgen.sim.locate import Difference
from hwgen.sim.native_runner import FULL_RATE, STALLS
from hwgen.sim.record import VerificationRecord, keep, record_of
from hwgen.sim.reference import reference
from hwgen.sim.samples import draw
from hwgen.sim.trials import Trial
from hwgen.synth import store
from hwgen.synth.record import NetlistRun, PathStep, StageArea, Synthesis, Timing, Used

HOSTILE: Final = (
    "<script>document.title='pwned'</script>", "\"'><img src=x onerror=document.title='pwned'>", "\u202egnp.exe\u2066", "x" * 4000,
    "{{7*7}}{% raw %}", "</style><style>*{display:none}", "漢字" * 90, "\u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "&lt;b&gt;\x00\x1b[31m\n\t", "javascript:alert(3)", "Z\u0351\u0352\u0353\u0354" * 30,
)


def renamed(graph: Graph, names: tuple[str, ...]) -> Graph:
    """The same network with names from a list, numbered."""
    new: dict[Value, Value] = {}
    nodes: list[Node] = []
    for k, node in enumerate(graph.nodes):
        name = f"{names[k % len(names)]}{k}"
        outputs = tuple(f"{name}.{i}" for i in range(len(node.output_names)))
        made = replace(node, path=name, output_names=outputs, inputs=tuple(new[v] for v in node.inputs))
        nodes.append(made)
        new.update(zip(node.outputs, made.outputs, strict=True))
    return Graph(names[0] + names[2 % len(names)], tuple(nodes), tuple(new[v] for v in graph.outputs))


def written(folder: Path, sizes: tuple[int, ...], options: BuildOptions, names: tuple[str, ...] = ()) -> Build:
    """A build directory of a chain that nobody simulated."""
    graph = mlp(sizes, 1)
    return written_graph(folder, lower(renamed(graph, names) if names else graph).graph, options)


def written_graph(folder: Path, graph: Graph, options: BuildOptions) -> Build:
    """A build directory of a lowered graph that nobody simulated."""
    flow = plan_dataflow(graph, options)
    folder.mkdir(parents=True)
    write_build(graph, flow, folder, source_sha256="5" * 64, values=evaluate(graph, draw(flow, 4, 1)), options=options.record)
    return Build(folder)


def verified(build: Build, *, samples: int = 20, seed: int = 11, mismatches: int = 0) -> VerificationRecord:
    """Keeps a verification as if the simulator had run."""
    codes = draw(build.flow, samples, seed)
    manifest, layer = build.manifest, build.flow.stages[0]
    first = Difference(layer.path, layer.output.name, 3, 1, -7, 9, "random stalls") if mismatches else None
    trials = tuple(TrialResult(Trial(seed, traffic), samples, 0, mismatches, 500) for traffic in (FULL_RATE, STALLS))
    wanted = reference(build.graph, build.flow, codes)
    result = Verification(
        samples, seed, mismatches, first, None if mismatches else manifest.predicted, None if mismatches else 0.875, 1000,
        wanted.outputs, trials, wanted.seen, codes_sha256(codes),
    )
    record = record_of(build, result, given=False)
    keep(build, record)
    return record


def synthesized(build: Build, *, routed: bool = True) -> Synthesis:
    """Keeps a synthesis for ECP5 with numbers that can be recognised."""
    stages = tuple(
        StageArea(path=s.path, area=Area(luts=1000 + 137 * k, ffs=800 + 91 * k, carries=60 + k, dsps=4 * k, brams=k))
        for k, s in enumerate(build.manifest.stages)
    )
    other = Area(luts=77, ffs=66)
    total = sum((s.area for s in stages), other)
    first, last = stages[0].path, stages[-1].path
    steps = ((first, "register", 0.52), (first, "LUT4", 0.94), (first, "carry", 0.31), (last, "LUT4", 1.13), ("ports", "LUT4", 0.4))
    timing = Timing(
        device="LFE5U-85F", fmax_mhz=123.4,
        used=(Used(kind="TRELLIS_COMB", used=total.luts, available=83640), Used(kind="MULT18X18D", used=total.dsps, available=156)),
        critical_path=tuple(PathStep(stage=s, cell=c, delay_ns=d) for s, c, d in steps),
    )
    made = Synthesis(
        target=Target.ECP5, sources_sha256=build.sources_sha256, total=total, stages=stages, other=other,
        timing=timing if routed else None, netlist=NetlistRun(samples=100, mismatches=0), seconds=1.0,
        tools={"yosys": "0.70", "nextpnr-ecp5": "0.11"},
    )
    store.save(build, made)
    return made
