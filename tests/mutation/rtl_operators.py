"""Mistakes in SystemVerilog, made on the syntax tree.

constant     a number one more or one less, a bit or a fill turned     comparison  < for <=, == for != ...
width        a declared range, a slice or a cast one narrower          condition   of an if or a choice, negated
reset        an assignment under reset left out                        logic       && for ||, & for |, ^ for |
lane         a loop's index counted from the other end; a              arithmetic  another operator
             concatenation turned round                                handshake   one side of an && or || left out; an
sign         $signed, ``signed``, or a ``Signed`` parameter lost                   enabled assignment always done
rounding     division and shift round the other way                    refusal     a check of parameters lets one case through

What is left alone: default values of parameters (an instance gives its own), texts of errors, assertions, attributes, and
what stands under ``ifndef SYNTHESIS``.
"""

from __future__ import annotations

import re
from typing import Final

from mutation.mutant import Edit
from mutation.rtl_tree import Part, parse

_BINARY: Final = {
    "LessThanExpression": ("<=", "comparison"), "LessThanEqualExpression": ("<", "comparison"),
    "GreaterThanExpression": (">=", "comparison"), "GreaterThanEqualExpression": (">", "comparison"),
    "EqualityExpression": ("!=", "comparison"), "InequalityExpression": ("==", "comparison"),
    "LogicalAndExpression": ("||", "logic"), "LogicalOrExpression": ("&&", "logic"),
    "BinaryAndExpression": ("|", "logic"), "BinaryOrExpression": ("&", "logic"),
    "BinaryXorExpression": ("|", "logic"), "BinaryXnorExpression": ("^", "logic"),
    "AddExpression": ("-", "arithmetic"), "SubtractExpression": ("+", "arithmetic"), "MultiplyExpression": ("+", "arithmetic"),
    "DivideExpression": ("*", "arithmetic"), "ModExpression": ("/", "arithmetic"), "PowerExpression": ("*", "arithmetic"),
    "LogicalShiftLeftExpression": (">>", "arithmetic"), "LogicalShiftRightExpression": ("<<", "arithmetic"),
    "ArithmeticShiftLeftExpression": (">>>", "arithmetic"), "ArithmeticShiftRightExpression": ("<<<", "arithmetic"),
}
_REDUCTIONS: Final = {
    "UnaryBitwiseAndExpression": "|", "UnaryBitwiseOrExpression": "&", "UnaryBitwiseXorExpression": "|",
    "UnaryBitwiseNandExpression": "~|", "UnaryBitwiseNorExpression": "~&",
}
_DROPPED: Final = {"UnaryLogicalNotExpression": "logic", "UnaryBitwiseNotExpression": "logic", "UnaryMinusExpression": "sign"}
_LEFT_ALONE: Final = frozenset(
    ("AttributeInstance", "ImmediateAssertStatement", "ElabSystemTask", "InitialBlock", "EventControlWithExpression")
)
_RESET: Final = re.compile(r"\brst\w*\b|\bHasReset\b")


def edits(text: bytes) -> list[Edit]:
    """All mistakes that can be made in a file; some give no valid SystemVerilog."""
    tree = parse(text)
    if tree is None:
        raise ValueError("not SystemVerilog")
    found: list[Edit] = []
    _visit(tree, {}, found)
    return found


def is_syntax(text: bytes) -> bool:
    """Whether a file still parses."""
    return parse(text) is not None


def _visit(node: Part, loops: dict[str, str], found: list[Edit]) -> None:
    """loops: the loop variables in scope, with the number of turns of each."""
    if node.kind in _LEFT_ALONE or _is_only_assertions(node):
        return
    if node.kind in ("LoopGenerate", "ForLoopStatement"):
        loops = loops | _loop(node)
    if _is_check(node):
        found.extend(_change(part, "1'b0", "refusal") for part in _alternatives(node.parts[2]))
        return
    if node.kind == "RangeDimensionSpecifier":
        _declared_range(node, loops, found)
        return
    _constants(node, found)
    _operators(node, found)
    _widths(node, found)
    _lanes(node, loops, found)
    _signs(node, found)
    _conditions(node, found)
    for part in node.parts:
        if node.kind == "ParameterDeclaration" and node.text.startswith("parameter") and part.kind == "Declarator":
            continue
        _visit(part, loops, found)


def _is_only_assertions(node: Part) -> bool:
    if not node.kind.startswith("Always"):
        return False
    kinds = {part.kind for part in node.walk()}
    return "ImmediateAssertStatement" in kinds and not kinds & {"NonblockingAssignmentExpression", "AssignmentExpression"}


def _is_check(node: Part) -> bool:
    """``if (wrong parameters) begin $error(...); end``"""
    return node.kind == "IfGenerate" and node.parts[4].find("ElabSystemTask") is not None


def _alternatives(condition: Part) -> list[Part]:
    """The reasons for which a check refuses: [a, b, c] of ``a || (b || c)``."""
    if condition.kind == "ParenthesizedExpression":
        return _alternatives(condition.parts[1])
    if condition.kind == "LogicalOrExpression":
        return [*_alternatives(condition.parts[0]), *_alternatives(condition.parts[2])]
    return [condition]


def _change(part: Part, new: str, operator: str) -> Edit:
    return Edit(part.start, part.end, new, operator)


def _constants(node: Part, found: list[Edit]) -> None:
    if node.kind == "IntegerLiteralExpression" and node.text.isdecimal():
        value = int(node.text)
        found.append(_change(node, str(value + 1), "constant"))
        if value:
            found.append(_change(node, str(value - 1), "constant"))
    elif node.kind == "IntegerVectorExpression":
        match = re.fullmatch(r"(\d+'s?)([bdh])([0-9a-fA-F]+)", node.text)
        if match:
            base = {"b": 2, "d": 10, "h": 16}[match[2]]
            value = int(match[3], base) ^ 1
            digits = {"b": f"{value:b}", "d": str(value), "h": f"{value:x}"}[match[2]]
            found.append(_change(node, f"{match[1]}{match[2]}{digits}", "constant"))
    elif node.kind == "UnbasedUnsizedLiteralExpression" and node.text in ("'0", "'1"):
        found.append(_change(node, "'1" if node.text == "'0" else "'0", "constant"))


def _operators(node: Part, found: list[Edit]) -> None:
    if node.kind in _BINARY and len(node.parts) >= 3:
        left, sign, right = node.parts[0], node.parts[1], node.parts[-1]
        new, operator = _BINARY[node.kind]
        found.append(_change(sign, new, operator))
        if node.kind in ("LogicalAndExpression", "LogicalOrExpression", "BinaryAndExpression"):
            found.append(_change(node, f"({left.text})", "handshake"))
            found.append(_change(node, f"({right.text})", "handshake"))
        if node.kind == "DivideExpression":
            plain = re.fullmatch(r"\((.*) \+ (.*) - 1\)", left.text)
            floored = plain is not None and plain[2] == right.text
            new = f"({plain[1]}) / {right.text}" if plain and floored else f"({left.text} + {right.text} - 1) / {right.text}"
            found.append(_change(node, f"({new})", "rounding"))
        if node.kind in ("ArithmeticShiftRightExpression", "LogicalShiftRightExpression"):
            found.append(_change(node, f"((({left.text} - 1) {sign.text} {right.text}) + 1)", "rounding"))
    if node.kind in _REDUCTIONS:
        found.append(_change(node.parts[0], _REDUCTIONS[node.kind], "logic"))
    if node.kind in _DROPPED:
        found.append(_change(node, f"({node.parts[-1].text})", _DROPPED[node.kind]))


def _declared_range(node: Part, loops: dict[str, str], found: list[Edit]) -> None:
    """``[bound:0]``, ``[size-1:0]`` and ``[size]``: one place less, and what goes wrong within ``bound`` or ``size``."""
    inner = node.parts[0]
    bound = inner.parts[0]
    found.append(_change(bound, f"{bound.text}-1", "width"))
    if bound.kind == "SubtractExpression" and bound.parts[-1].text == "1":
        bound = bound.parts[0]
    if bound.kind != "IntegerLiteralExpression":
        _visit(bound, loops, found)


def _widths(node: Part, found: list[Edit]) -> None:
    if node.kind in ("AscendingRangeSelect", "DescendingRangeSelect"):
        found.append(_change(node.parts[-1], f"({node.parts[-1].text})-1", "width"))
    elif node.kind == "CastExpression" and re.match(r"[A-Z]\w*$|\(", node.parts[0].text):
        found.append(_change(node.parts[0], f"({node.parts[0].text}-1)", "width"))


def _loop(node: Part) -> dict[str, str]:
    """The variable of a loop from 0 to a bound, and the number of its turns."""
    head = node.text.split(")", 1)[0] if "(" not in node.text.split(";", 2)[1] else node.text
    match = re.match(r"for \((?:genvar|int unsigned|int) (\w+) = 0; \1 < ([^;]+); \1\+\+", head)
    return {match[1]: match[2]} if match else {}


def _lanes(node: Part, loops: dict[str, str], found: list[Edit]) -> None:
    if node.kind in ("BitSelect", "SimpleRangeSelect", "AscendingRangeSelect", "DescendingRangeSelect"):
        for part in node.parts[0].walk():
            if part.kind == "IdentifierName" and part.text in loops:
                found.append(_change(part, f"({loops[part.text]}-1-{part.text})", "lane"))
    if node.kind == "ConcatenationExpression":
        elements = [part for part in node.parts if part.kind not in ("OpenBrace", "Comma", "CloseBrace")]
        if len(elements) > 1:
            found.append(_change(node, "{" + ", ".join(part.text for part in reversed(elements)) + "}", "lane"))


def _signs(node: Part, found: list[Edit]) -> None:
    if node.kind == "InvocationExpression" and node.text.startswith("$signed("):
        found.append(_change(node, node.text.removeprefix("$signed"), "sign"))
    elif node.kind == "LogicType":
        word = node.find("SignedKeyword")
        if word:
            found.append(Edit(word.start, word.end, "", "sign"))
    elif node.kind == "ArithmeticShiftRightExpression":
        found.append(_change(node.parts[1], ">>", "sign"))
    elif node.kind == "NamedParamAssignment" and "Signed" in node.parts[1].text and len(node.parts) == 5:
        found.append(_change(node.parts[3], f"!({node.parts[3].text})", "sign"))


def _conditions(node: Part, found: list[Edit]) -> None:
    if node.kind in ("ConditionalStatement", "ConditionalExpression"):
        predicate = node.find("ConditionalPredicate")
    elif node.kind == "IfGenerate":
        predicate = node.parts[2]
    else:
        return
    if predicate is None:
        return
    found.append(_change(predicate, f"!({predicate.text})", "condition"))
    if node.kind != "ConditionalStatement":
        return
    if _RESET.search(predicate.text):
        body = next(part for part in node.parts if part.kind in ("SequentialBlockStatement", "ExpressionStatement"))
        for part in body.walk():
            if part.kind == "ExpressionStatement":
                found.append(_change(part, "begin end", "reset"))
    elif node.find("ElseClause") is None:
        found.append(_change(predicate, "1'b1", "handshake"))
