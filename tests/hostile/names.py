"""Models whose names are words of some language, paths, injections, or too many characters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hostile.case import BAIT, HARMLESS, REFUSED, Case, Command, Group
from hostile.draft import Draft
from hostile.models import OPTIONS, model
from hostile.spoilt import Spoil, attribute


def renamed(*names: str) -> Spoil:
    """Every node, value and weight gets a name of ``names``, round and round, with a number behind where one is repeated."""

    def spoil(draft: Draft) -> None:
        old = ["x", "w", "b", "scale", "zero", "bits", "xq", "wq", "y", "z", "out"]
        new = {name: names[i % len(names)] + (str(i) if i >= len(names) else "") for i, name in enumerate(old)}
        for weight in draft.tensors.values():
            weight.name = new[weight.name]
        for made in draft.nodes.values():
            for field in (made.input, made.output):
                field[:] = [new[name] for name in field]
            made.name = made.output[0]
        for info in (*draft.inputs, *draft.outputs):
            info.name = new[info.name]

    return spoil


def graph_name(text: str) -> Case:
    def make(folder: Path) -> Command:
        made = Draft().model()
        made.graph.name, made.producer_name, made.doc_string = text, text, text
        (folder / "model.onnx").write_bytes(made.SerializeToString())
        return ("build", "model.onnx", *OPTIONS)

    return Case(make, HARMLESS, plain=True)


KEYWORDS: Final = {
    "Verilog": ("module", "endcase", "begin", "end", "wire", "reg", "always", "assign", "input", "output", "initial"),
    "SystemVerilog": ("logic", "bit", "interface", "class", "always_ff", "unique", "var", "genvar", "generate", "int", "string"),
    "C++": ("class", "int", "namespace", "template", "new", "delete", "main", "std::cout", "operator", "this", "std"),
    "Tcl": ("exec", "proc", "source", "open", "eval", "file", "cd", "exit", "puts", "set", "[exec id]"),
    "shell": ("rm", "if", "fi", "-rf", "--help", "~", "*", "|", "&&", ">", "<"),
    "Python": ("import", "__import__", "lambda", "exec", "None", "True", "os.system", "__class__", "def", "eval", BAIT),
    "hwgen": ("hwgen_top", "aclk", "aresetn", "s_axis_tdata", "u_s0_matvec", "clk_i", "hg_matvec", "rst", "s0_in", "mem", "rtl"),
    "systems": ("CON", "NUL", "AUX", "COM1", "LPT1", ".", "C:", "desktop.ini", ".git", "-", "/"),
    "numbers": ("0", "1e9", "-1", "0x10", "NaN", "inf", "1'b0", "8'hff", "'0", "1_000", "4'bx"),
    "unicode": ("\u00df", "SS", "\u212a", "K", "\u0130", "i\u0307", "\ufb01", "fi", "\u00e9", "e\u0301", "\U0001f600"),
    "case folding": ("a", "A", "layer.weight", "LAYER.WEIGHT", "layer_weight", "layer/weight", "layer weight", "b", "B", "c", "C"),
    "mangling": ("fc.1", "fc_1", "fc/1", "fc-1", "fc 1", "fc::1", "fc@1", "fc#1", "fc%1", "fc+1", "fc=1"),
    "hwgen's own suffixes": (
        "y.accumulator",
        "y.q",
        "y.out",
        "y.real",
        "x.input",
        "y.2",
        "y",
        "y.accumulator.2",
        "y.key",
        "x",
        "z",
    ),
    "paths": ("/etc/passwd", "/tmp/x", "C:/x", "//server/share", "./a", "a/", "/", "a//b", "~/x", "file:///etc/passwd", "a/.b"),
    "as long as can be": tuple(str(i) * 4000 for i in range(9)),
    "markup": ("<script>alert(1)</script>", "[bold]", "&amp;", "{{7*7}}", "{%x%}", "%s%n", "{0}", "<!--", "]]>", "'", "#"),
    "TOML and CSV": ("a=b", "[x]", "a,b", "=1+1", "@x", "a: b", "- a", "!tag", "*ref", "#c", "a|b"),
}
INJECTIONS: Final = (
    "`touch pwned`",
    "$(touch pwned)",
    "a; touch pwned; $X",
    '"; $finish; "',
    "x\nendmodule",
    "x\r\ny",
    "x\0y",
    "\u202egnp.exe",
    "\x1b[2J\x1b[31mred",
    "\x1b]0;title\x07",
    "../../../etc/passwd",
    "a/../../b",
    "..",
    "..\\..\\x",
    "x" * 4097,
    "x" * (1 << 20),
    " ",
    "\u2028",
    "\ufeff",
    "\ud7ff\u200b",
    "module x; endmodule",
    '`include "/etc/passwd"',
    "${HOME}",
    "\\escaped ",
    "\x7f",
    "\x85",
    "endmodule",
    "a\u00a0b",
)


def _names() -> Iterator[tuple[str, Case]]:
    for what, names in KEYWORDS.items():
        yield f"names of {what}", model(renamed(*names), HARMLESS, plain=True)
    for name in INJECTIONS:
        yield f"the name {name[:24]!r} of {len(name)}", model(renamed(name), says="name")
    for field in ("domain", "op_type", "doc_string"):

        def spoil(draft: Draft, field: str = field) -> None:
            setattr(draft.nodes["relu"], field, "$(touch pwned)`x`\n\x1b[31m")

        harmless = field == "doc_string"
        yield f"a {field} that is an injection", model(spoil, HARMLESS if harmless else REFUSED, plain=harmless)
    yield "an operator of a megabyte", model(lambda d: setattr(d.nodes["relu"], "op_type", "x" * (1 << 20)))
    yield "an operator whose domain is a module", model(lambda d: setattr(d.nodes["relu"], "domain", BAIT), REFUSED, BAIT)
    yield (
        "an operator whose domain is a submodule",
        model(lambda d: setattr(d.nodes["relu"], "domain", f"{BAIT}.x.y"), REFUSED, BAIT),
    )
    yield "an attribute that is an injection", model(attribute("fc", "$(touch pwned)\n", 1))
    yield "an attribute of a megabyte", model(attribute("fc", "a" * (1 << 20), 1))
    yield "a text attribute of a megabyte", model(attribute("quantize_x", "rounding_mode", "R" * (1 << 20)))
    yield "a graph whose name is an injection", graph_name("$(touch pwned)`x`\n\x1b[31m../../x")
    yield "a graph whose name is a megabyte", graph_name("x" * (1 << 20))


NAMES: Final[Group] = dict(_names())
