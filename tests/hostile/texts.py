"""Hostile ``.hwg`` texts, formats and configurations."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hostile.case import ANY, BAIT, HARMLESS, REFUSED, Case, Command, Group, file
from hostile.draft import Draft

_HEAD: Final = 'graph "g" {\n  %0 "x" = input[shape=(1; 4), format=!real!]() : 1x4 real @ "x"\n'
_QUANTIZED: Final = _HEAD + '  %1 "q" = quantize[format=!int4[scale=1/4]!](%0) : 1x4 int4[scale=1/4] @ "q"\n'
_TAIL: Final = "  return %1\n}\n"


def text(*lines: str, head: str = _QUANTIZED, tail: str = _TAIL, code: int = REFUSED) -> Case:
    """A graph of the head, more lines and the tail."""
    return file(head + "".join(f"{line}\n" for line in lines) + tail, name="model.hwg", code=code)


def packed(kind: str, shape: str, raw: bytes) -> str:
    return f"{kind}<{shape}:{base64.b64encode(zlib.compress(raw)).decode()}>"


def _norm(gamma: str, variance: str, others: str = "(#1)") -> str:
    attributes = f"gamma={gamma}, beta={others}, mean={others}, variance={variance}, epsilon=#0"
    return f'  %1 "q" = batch_norm[{attributes}](%0) : 1x4 real @ "q"'


def _weights(exponent: int, type_: str = "int<-8,7>[scale=1,offset=0]") -> str:
    """A product with weights that are all one power of two."""
    weight = packed("i64", "4x4", (1 << exponent).to_bytes(8, "little") * 16)
    return f'  %1 "m" = matvec[weight={weight}](%0) : 1x4 {type_} @ "m"'


def _constant(array: str, shape: str, format_: str = "real") -> str:
    return f'  %1 "w" = constant[data={array}, format=!{format_}!]() : {shape} {format_} @ "w"'


def _texts() -> Iterator[tuple[str, Case]]:
    whole = _QUANTIZED + _TAIL
    for what, formats in {
        "bits": (
            "int4096",
            "int0",
            "int-1",
            "int99999999999999999999",
            "uint0",
            "fixed<100000,3>",
            "fixed<0,0>",
            "fixed<-1,0>",
            "fixed<8,99999>",
            "fixed<8,-99999>",
            f"fixed<{'9' * 5000},1>",
            "ap_fixed<1000000,1>",
            "int٣",
            "int²",
        ),
        "scales": (
            "int4[scale=0]",
            "int4[scale=-1]",
            "int4[scale=1/0]",
            "int4[scale=nan]",
            "int4[scale=inf]",
            f"int4[scale={'9' * 5000}]",
            "int4[scale=1e999]",
            "int4[scale=1e-999]",
            "int4[scale=]",
            "int4[scale=1_0]",
            "int4[scale=0x1]",
            f"int4[scale=1/{'9' * 399}]",
            f"int4[scale={'1 ' * 10000}]",
            f"int4[scale={'1 ' * 5},axis=1]",
            "int4[scale=1 2 3 4,axis=99999999]",
            "int4[scale=1 2 3 4,axis=-7]",
            "int4[scale=1 2 3 4,axis=7]",
        ),
        "options": (
            "int4[zero=9e99]",
            "int4[zero=1/3]",
            "int4[zero=99999999999999999999999]",
            "int4[narrow=2]",
            "int4[rounding=exec]",
            "int4[x=1]",
            "int4[[[[",
            "int4[scale=1,scale=2,scale=3",
            "fixed<8,4,wrap,sat,AP_RND,trn,x>",
            f"fixed<8,4{',wrap' * 5000}>",
            "binary[scale=0]",
            "ternary[scale=x]",
        ),
        "integers": (
            "int<5,4>[scale=1,offset=0]",
            f"int<0,{'9' * 300}>[scale=1,offset=0]",
            "int<-1,1,bipolar>[scale=,offset=]",
            "int<0,1>[scale=sqrt(2),offset=0]",
            "int<0,1>[scale=1*sqrt(0),offset=0]",
            "int<0,1>[scale=0,offset=0]",
            "int<0,1>[scale=-1,offset=0]",
            f"int<0,1>[scale=1,offset={'1+' * 5000}1]",
            "int<-2,1,bipolar>[scale=1,offset=0]",
            f"int<0,1>[scale=1/{'9' * 9000},offset=0]",
        ),
        "nonsense": ("", "real real", "exec('x')", "!", "float32", "int4\x00", "$(x)", "int4;int4", "(" * 5000),
    }.items():
        for format_ in formats:
            line = f'  %1 "q" = quantize[format=!{format_}!](%0) : 1x4 {format_} @ "q"'
            yield f"{what}: {format_[:40]!r} of {len(format_)}", text(line, head=_HEAD)
            if what == "integers":
                line = (
                    f'graph "g" {{\n  %0 "x" = input[shape=(1; 4), format=!{format_}!]() : 1x4 {format_} @ "x"\n  return %0\n}}\n'
                )
                yield f"an input of {format_[:40]!r} of {len(format_)}", file(line, name="model.hwg")
            if len(format_) < 20_000 and "\0" not in format_:
                yield f"--precision {format_[:40]!r} of {len(format_)}", option("--precision", format_)
    for shape in (
        "0x4",
        "1x0",
        "1x999999999",
        "1x99999x99999",
        "x".join(["1"] * 40),
        "1x-4",
        "1x4x",
        "x",
        "",
        "1x4.5",
        "١x4",
        "9" * 5000,
    ):
        yield (
            f"a shape of {shape[:20]!r}",
            file(_HEAD.replace("1x4", shape).replace("1; 4", shape.replace("x", "; ")) + "  return %0\n}\n", name="model.hwg"),
        )
    big = bytes(1 << 26)
    for what, array, shape in (
        ("a bomb", packed("f64", "65536x8192", big), "65536x8192"),
        ("a small bomb", packed("f32", "4096x4096", big), "4096x4096"),
        ("more than its shape", packed("f32", "4", big), "4"),
        ("less than its shape", packed("f32", "4096x4096", b""), "4096x4096"),
        ("of a giant shape", packed("i64", "999999999x999999999", b""), "999999999x999999999"),
        ("no base64", "f32<4:****>", "4"),
        ("no zlib", "f32<4:AAAA>", "4"),
        ("objects", "O<4:AAAA>", "4"),
        ("exact nonsense", "exact<2:x y>", "2"),
        ("exact zero", "exact<1:1/0>", "1"),
        ("NaN", packed("f32", "1", b"\0\0\xc0\x7f"), "1"),
        ("infinity", packed("f64", "1", b"\0\0\0\0\0\0\xf0\x7f"), "1"),
        ("no end", "f32<4:AAAA", "4"),
        ("exact and long", f"exact<1:{'9' * 100_000}>", "1"),
        ("a deep root", f"exact<1:1*sqrt({'9' * 4000})>", "1"),
    ):
        yield f"a constant that is {what}", text(_constant(array, shape), head=_HEAD)
    for what, line in {
        "an unknown operator": '  %1 "q" = exec(%0) : 1x4 real @ "q"',
        "a module": f'  %1 "q" = {BAIT}(%0) : 1x4 real @ "q"',
        "an operator without its attribute": '  %1 "q" = quantize(%0) : 1x4 real @ "q"',
        "a wrong attribute": '  %1 "q" = relu[x=1](%0) : 1x4 real @ "q"',
        "a value from nowhere": '  %1 "q" = relu(%9) : 1x4 real @ "q"',
        "a value twice": '  %0 "q" = relu(%0) : 1x4 real @ "q"',
        "its own value": '  %1 "q" = relu(%1) : 1x4 real @ "q"',
        "no input": '  %1 "q" = relu() : 1x4 real @ "q"',
        "two inputs": '  %1 "q" = relu(%0, %0) : 1x4 real @ "q"',
        "three inputs of a sum": '  %1 "q" = add(%0, %0, %0) : 1x4 real @ "q"',
        "one input of a product": '  %1 "q" = linear(%0) : 1x4 real @ "q"',
        "a wrong type": '  %1 "q" = relu(%0) : 1x5 real @ "q"',
        "two outputs": '  %1 "q", %2 "r" = relu(%0) : 1x4 real, 1x4 real @ "q"',
        "no output": '   = relu(%0) :  @ "q"',
        "a number too long": f'  %{"9" * 5000} "q" = relu(%0) : 1x4 real @ "q"',
        "an open string": '  %1 "q = relu(%0) : 1x4 real @ q',
        "a surrogate": '  %1 "\\ud800" = relu(%0) : 1x4 real @ "q"',
        "a name of escapes": '  %1 "\\u001b[31m" = relu(%0) : 1x4 real @ "$(touch pwned)"',
        "a name of a megabyte": f'  %1 "{"x" * (1 << 20)}" = relu(%0) : 1x4 real @ "q"',
        "the same name": '  %1 "x" = relu(%0) : 1x4 real @ "q"',
        "more after the line": '  %1 "q" = relu(%0) : 1x4 real @ "q" x',
        "tuples within tuples": f'  %1 "q" = reshape[shape={"(" * 50_000}](%0) : 1x4 real @ "q"',
        "a shape of a text": '  %1 "q" = reshape[shape="x"](%0) : 1x4 real @ "q"',
        "a shape of nothing": '  %1 "q" = reshape[shape=()](%0) :  real @ "q"',
        "a negative shape": '  %1 "q" = reshape[shape=(-1; -4)](%0) : 1x4 real @ "q"',
        "a shape of 2^4000": f'  %1 "q" = reshape[shape=(1; {"9" * 4000})](%0) : 1x4 real @ "q"',
        "a true shape": '  %1 "q" = reshape[shape=true](%0) : 1x4 real @ "q"',
        "an axis beyond": '  %1 "q" = transpose[perm=(0; 7)](%0) : 1x4 real @ "q"',
        "axes twice": '  %1 "q" = transpose[perm=(0; 0)](%0) : 1x4 real @ "q"',
        "a batch moved": '  %1 "q" = transpose[perm=(1; 0)](%0) : 4x1 real @ "q"',
        "a gain of nothing": '  %1 "q" = scale_bias[gain=(), bias=()](%0) : 1x4 real @ "q"',
        "gains that do not fit": '  %1 "q" = scale_bias[gain=(#1; #2), bias=(#1; #2; #3)](%0) : 1x4 real @ "q"',
        "a batch norm of nothing": _norm("()", "()", "()"),
        "a variance of -1": _norm("(#1)", "(#-1)"),
        "a variance of zero": _norm("(#1)", "(#0)"),
        "vectors of other lengths": _norm("(#1; #2)", "(#1)"),
        "an irrational variance": _norm("(#1)", "(#1*sqrt(2))"),
    }.items():
        yield f"a line with {what}", text(line, head=_HEAD)
    for what, line in _INTEGER_LINES.items():
        yield (
            f"an integer graph with {what}",
            file(_INTEGER_HEAD + line + '\n  %9 "d" = decode(%1) : 1x4 real @ "d"\n  return %9\n}\n', name="model.hwg"),
        )
    yield "no end", file(_QUANTIZED, name="model.hwg")
    yield "no head", file(_QUANTIZED.partition("\n")[2] + _TAIL, name="model.hwg")
    yield "a million lines", file(lambda: _HEAD + '  %1 "q" = relu(%0) : 1x4 real @ "q"\n' * 1_000_000 + _TAIL, name="model.hwg")
    yield "a line of 100 MB", file(lambda: _HEAD + " " * 100_000_000 + _TAIL, name="model.hwg")
    yield "a hundred million lines", file(lambda: 'graph "g" {' + "\n" * 100_000_000, name="model.hwg")
    yield "a deep name", file("graph " + "[" * 100_000, name="model.hwg")
    yield "UTF-16", file(whole.encode("utf-16"), name="model.hwg")
    yield "a byte order mark", file("\ufeff" + whole, name="model.hwg")
    yield "carriage returns", file(whole.replace("\n", "\r\n"), name="model.hwg")
    yield "the name of the graph as a number", file(whole.replace('graph "g"', "graph 7"), name="model.hwg")
    yield (
        "20000 operators",
        file(
            lambda: (
                _HEAD
                + "".join(f'  %{i + 1} "v{i}" = relu(%{i}) : 1x4 real @ "p"\n' for i in range(20_000))
                + "  return %20000\n}\n"
            ),
            name="model.hwg",
        ),
    )
    for length in range(0, len(whole), 32):
        yield f"a text cut at {length}", file(whole[:length], name="model.hwg")


_INTEGER_HEAD: Final = (
    'graph "g" {\n  %0 "x" = input[shape=(1; 4), format=!int<-8,7>[scale=1,offset=0]!]() : 1x4 int<-8,7>[scale=1,offset=0] @ "x"\n'
)
_IN: Final = "int<-8,7>[scale=1,offset=0]"
_INTEGER_LINES: Final = {
    "a giant view": f'  %1 "v" = view[shape=(1; 999999999), scale=(#1), offset=(#0)](%0) : 1x999999999 {_IN} @ "v"',
    "a view of another size": f'  %1 "v" = view[shape=(1; 5), scale=(#1), offset=(#0)](%0) : 1x5 {_IN} @ "v"',
    "a view without scale": '  %1 "v" = view[shape=(1; 4), scale=(), offset=()](%0) : 1x4 int<-8,7>[scale=,offset=] @ "v"',
    "weights of 2^62": _weights(62),
    "weights of the least number": _weights(63),
    "weights of 2^40": _weights(40, "int<-140737488355328,123145302310912>[scale=1,offset=0]"),
    "weights of floats": f'  %1 "m" = matvec[weight={packed("f64", "4x4", bytes(128))}](%0) : 1x4 {_IN} @ "m"',
    "weights of no axis": f'  %1 "m" = matvec[weight={packed("i64", "", bytes(8))}](%0) : 1x4 {_IN} @ "m"',
    "weights of no rows": f'  %1 "m" = matvec[weight={packed("i64", "0x4", b"")}](%0) : 1x0 int<-1,0>[scale=1,offset=0] @ "m"',
    "a real operator": '  %1 "r" = relu(%0) : 1x4 real @ "r"',
    "a decoded decode": '  %1 "d1" = decode(%0) : 1x4 real @ "d"',
    "nothing to compute": f'  %1 "v" = view[shape=(1; 4), scale=(#1), offset=(#0)](%0) : 1x4 {_IN} @ "v"',
    "an index of a giant": '  %1 "i" = argmax_index(%0) : 1x1 int<0,3>[scale=1,offset=0] @ "i"',
    "a table of nothing": f'  %1 "t" = requant_table[low=0, values=(), output=!{_IN}!](%0) : 1x4 {_IN} @ "t"',
}


def option(*words: str) -> Case:
    def make(folder: Path) -> Command:
        Draft().write(folder)
        return ("emit", "model.onnx", f"{words[0]}={words[1]}")

    return Case(make, code=ANY)


# --- TOML -------------------------------------------------------------------------------------------------------------


def config(data: str | bytes, code: int = REFUSED) -> Case:
    def make(folder: Path) -> Command:
        (folder / "c.toml").write_bytes(data.encode() if isinstance(data, str) else data)
        Draft().write(folder)
        return ("emit", "model.onnx", "--config", "c.toml")

    return Case(make, code)


def _configs() -> Iterator[tuple[str, Case]]:
    yield "an empty file", config("", HARMLESS)
    for what, lines in {
        "samples": (
            "samples = 0",
            "samples = -1",
            "samples = 1e3",
            "samples = '3'",
            "samples = true",
            "samples = nan",
            "samples = [1]",
            "samples = 9999999999999999999999",
        ),
        "seed": ("seed = -1", "seed = 1.5", "seed = inf"),
        "interval": (
            "interval = 0",
            "interval = -5",
            "interval = 9999999999999999999999999999",
            "interval = 1\nparallelism = '2x2'",
        ),
        "parallelism": (
            "parallelism = ''",
            "parallelism = '0x0'",
            "parallelism = '-1x2'",
            "parallelism = 'x'",
            "parallelism = 4",
            "parallelism = '9999999x1'",
            "parallelism = '../../x'",
            "parallelism = '$(touch pwned)'",
            "parallelism = '٣x٣'",
        ),
        "formats": (
            "precision = 'int4096'",
            "precision = ''",
            "input_format = 'fixed<99999,1>'",
            "input_format = 3",
            "input_format = 'real'",
        ),
        "paths": (
            "inputs = '/etc/passwd'",
            "inputs = '../../../etc/passwd'",
            "calibration = '/dev/zero'",
            "inputs = 'c.toml'",
            "inputs = '/dev/stdin'",
            "inputs = '.'",
            'inputs = "a\\u0000b"',
            "out = 3",
            "out = '/proc/x'",
            "out = 'model.onnx'",
            'out = "a\\u0000b"',
        ),
        "keys": (
            "sampels = 3",
            "__class__ = 3",
            "'$(touch pwned)' = 1",
            '"\\u001b[31m" = 1',
            "argmax = 1",
            "argmax = 'yes'",
            "samples = 1\nsamples = 2",
        ),
    }.items():
        for line in lines:
            harmless = line in ("interval = 9999999999999999999999999999", "parallelism = ''")
            yield f"{what}: {line[:50]!r}", config(f"[build]\n{line}\n", HARMLESS if harmless else REFUSED)
    for what, data in {
        "no TOML": "build {",
        "an open string": 'x = "',
        "deep arrays": f"x = {'[' * 50_000}",
        "deep tables": f"[{'a.' * 20_000}b]\n",
        "deep inline tables": f"x = {'{a=' * 20_000}",
        "a dotted key of a megabyte": f"{'a.' * 500_000}b = 1\n",
        "a number of a megabyte": f"x = {'9' * 1_000_000}\n",
        "a key of a megabyte": f"{'k' * 1_000_000} = 1\n",
        "not UTF-8": b"\xff\xfe\0x",
        "zero bytes": b"\0" * 1000,
        "UTF-16": "x = 1".encode("utf-16"),
        "2 MB": "#" * (2 << 20),
        "an unknown section": "[biuld]\nsamples = 3\n",
        "a section as a value": "build = 3\n",
        "a section as a list": "[[build]]\nsamples = 1\n",
        "a layer as a number": "[layers]\nfc = 3\n",
        "a layer of nothing": "[layers.fc]\n",
        "an unknown layer": "[layers.nobody]\nparallelism = '2x2'\n",
        "a layer with a comma": "[layers.'a,b']\nparallelism = '2x2'\n",
        "a layer with an equals sign": "[layers.'a=b']\nparallelism = '2x2'\n",
        "a layer that is empty": "[layers.'']\nparallelism = '2x2'\n",
        "a layer that is an injection": "[layers.'$(touch pwned)']\nparallelism = '2x2'\n",
        "a layer's parallelism as code": "[layers.fc]\nparallelism = '2x2,fc=4x4'\n",
        "a thousand layers": "".join(f"[layers.l{i}]\nparallelism = '2x2'\n" for i in range(1000)),
        "a date": "[build]\nsamples = 1979-05-27\n",
    }.items():
        yield what, config(data)


TEXTS: Final[Group] = dict(_texts())
CONFIGS: Final[Group] = dict(_configs())
