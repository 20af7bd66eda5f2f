"""Hostile configurations of formats: sections, regular expressions, texts of formats, MASE's parameters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from hostile.case import HARMLESS, Case, Group
from hostile.texts import config


def _formats() -> Iterator[tuple[str, Case]]:
    """Sections of formats: of the layer ``fc`` of the model, and of what it does not have."""
    layer = "[layers.fc]\n"
    for pattern in ("(a+)+b", "(a|a)*b", "(.*)*(.*)*(.*)*b", "(f?){60}c{60}", "((((((((f*)*)*)*)*)*)*)*)*c!"):
        yield f"an expression that explodes: {pattern}", config(f"[patterns.'{pattern}']\nweight = 'fixed<4,2>'\n")
    for what, pattern in {
        "no expression": "(", "looking ahead": "(?=fc)fc", "looking back at itself": "(f)\\1",
        "a billion states": "((f{1000}){1000}){1000}",
        "a comment": "(?#x)fc", "of 100 kB": "f" * 100_000, "code": "$(touch pwned)",
        "empty": "", "of escapes": "\\x1b[31m", "of deep groups": "(" * 200 + ")" * 200,
    }.items():
        yield f"an expression that is {what}", config(f"[patterns.{json.dumps(pattern)}]\nweight = 'fixed<4,2>'\n")
    many = "".join(f"[patterns.'f.|x{i}']\nweight = 'fixed<4,2>'\n" for i in range(3000))
    yield "3000 expressions", config(many)
    yield "an expression of everything", config("[patterns.'.*']\nall = 'fixed<5,3>'\n", HARMLESS)
    for format_ in (
        "", "real", "int<0,3>[scale=1,offset=0]", "minifloat<99,99>", "mxint<4,8,99999999999>", "mxfp8<__class__>",
        "fixed<8,4>" * 5000, "fixed<8,4>\\u0000",
    ):
        yield f"a format {format_[:40]!r} of {len(format_)}", config(f'{layer}weight = "{format_}"\n')
    for what, lines in {
        "a role as a number": "weight = 3", "a role as a table": "weight = {a = 1}",
        "a role that is no role": "wieght = 'fixed<4,2>'", "a hidden name": "__class__ = 'fixed<4,2>'",
        "parallelism as code": "parallelism = '2x2; exec(1)'", "a giant parallelism": "parallelism = '9999999x9999999'",
    }.items():
        yield what, config(f"{layer}{lines}\n")
    for what, data in {
        "a default as a value": "default = 3\n", "a default as a list": "[[default]]\nweight = 'fixed<4,2>'\n",
        "types as a list": "types = ['linear']\n", "a type as a value": "[types]\nlinear = 3\n",
        "an unknown type": "[types.'$(touch pwned)']\nweight = 'fixed<4,2>'\n", "a meaning": "meaning = 'nonsense'\n",
        "a pattern as a value": "[patterns]\n'.*' = 3\n", "a layer of escapes": '[layers."\\u001b[31m"]\nweight = "fixed<4,2>"\n',
        "a name of 100 kB": f"[layers.'{'x' * 100_000}']\nweight = 'fixed<4,2>'\n",
        "four thousand layers": "".join(f"[layers.l{i}]\nall='auto'\n" for i in range(4000)),
    }.items():
        yield what, config(data)
    for what, lines in {
        "a name": "name = '__import__'", "a name of a number": "name = 3", "a name of a list": "name = ['integer']",
        "a width": "name = 'integer'\nweight_width = -1", "a giant width": f"name = 'integer'\nweight_width = {'9' * 400}",
        "a width of a float": "name = 'integer'\nweight_width = 8.5",
        "a fraction": "name = 'integer'\nweight_width = 8\nweight_frac_width = 999999",
        "an exponent": "name = 'block_fp'\nweight_width = 8\nweight_exponent_width = 1000000\nweight_block_size = 4",
        "a block": "name = 'block_fp'\nweight_width = 8\nweight_exponent_width = 8\nweight_block_size = [[4]]",
        "a flag": "name = 'integer'\nbypass = 1", "parameters without a name": "weight_width = 8",
    }.items():
        yield f"MASE's {what}", config(f"{layer}{lines}\n")
    for what, data in {
        "passes as a number": "passes = 3\n", "passes of nothing": "[passes]\n", "a quantize as a list": "[[passes.quantize]]\n",
        "by nothing": "[passes.quantize.fc.config]\nname = 'integer'\n", "by a list": "[passes.quantize]\nby = ['type']\n",
        "by code": "[passes.quantize]\nby = '$(touch pwned)'\n",
        "an entry as a number": "[passes.quantize]\nby = 'type'\nlinear = 3\n",
        "a config as a number": "[passes.quantize]\nby = 'type'\n[passes.quantize.linear]\nconfig = 3\n",
        "an exploding expression": "[passes.quantize]\nby = 'regex_name'\n[passes.quantize.'(a+)+b'.config]\nname = 'NA'\n",
    }.items():
        yield f"MASE's layout with {what}", config(data)


FORMATS: Final[Group] = dict(_formats())
