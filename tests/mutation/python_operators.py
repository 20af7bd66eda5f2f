"""Mistakes in Python, made on the syntax tree.

constant     an integer one more or one less                 index        the element after the one meant
range        a range one longer or one shorter               comparison   < for <=, == for != ...
condition    a condition negated                             logic        ``and`` for ``or``
arithmetic   another operator                                flag         True for False
sign         a minus or an ``abs`` lost                      extreme      ``min`` for ``max``
rounding     floor, ceil, and the ways a tie goes            width        a bit length one less
swap         a pair, or the first two arguments, exchanged   dropped      a statement without result left out
refusal      an error not raised

Annotations, decorators, docstrings, messages of errors and f-strings are left alone; so are ``strict=True``, which only checks,
and functions that take a ``Random``: what a sampler draws is its own choice.
"""

from __future__ import annotations

import ast
from typing import Final

from mutation.mutant import Edit

_COMPARISONS: Final = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}
_ARITHMETIC: Final = {
    ast.Add: "-", ast.Sub: "+", ast.Mult: "+", ast.Div: "*", ast.FloorDiv: "*", ast.Mod: "//", ast.Pow: "*",
    ast.LShift: ">>", ast.RShift: "<<", ast.BitAnd: "|", ast.BitOr: "&", ast.BitXor: "|", ast.MatMult: "*",
}
_ROUNDING: Final = {
    "floor": "ceil", "ceil": "floor", "rint": "floor", "round": "floor", "trunc": "floor",
    "HALF_EVEN": "HALF_UP", "HALF_UP": "HALF_DOWN", "HALF_DOWN": "HALF_UP", "HALF_CEIL": "HALF_UP",
    "FLOOR": "CEIL", "CEIL": "FLOOR", "DOWN": "UP", "UP": "DOWN",
}
_SIDES: Final = {"left": "right", "right": "left"}
_SYMMETRIC: Final = ("isinstance", "range", "zip", "gcd", "lcm", "broadcast_shapes", *("min", "max", "minimum", "maximum"))
"""Functions whose first two arguments may change places, or whose exchange says nothing."""
_EXTREMES: Final = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum"}


def edits(text: bytes) -> list[Edit]:
    """All mistakes that can be made in a file."""
    return _Walk(text).run()


def is_syntax(text: bytes) -> bool:
    """Whether a file still parses."""
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


class _Walk(ast.NodeVisitor):
    def __init__(self, text: bytes) -> None:
        self.text = text
        self.found: list[Edit] = []
        self.lines = [0]
        for line in text.splitlines(keepends=True):
            self.lines.append(self.lines[-1] + len(line))

    def run(self) -> list[Edit]:
        self.visit(ast.parse(self.text))
        return self.found

    # places and texts

    def start(self, node: ast.expr | ast.stmt) -> int:
        return self.lines[node.lineno - 1] + node.col_offset

    def end(self, node: ast.expr | ast.stmt) -> int:
        return self.lines[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)

    def source(self, node: ast.expr | ast.stmt) -> str:
        return self.text[self.start(node) : self.end(node)].decode()

    def change(self, node: ast.expr | ast.stmt, new: str, operator: str) -> None:
        self.found.append(Edit(self.start(node), self.end(node), new, operator))

    def between(self, left: ast.expr, right: ast.expr, new: str, operator: str) -> None:
        """Replace the operator between two operands; brackets and comments around it stay."""
        begin, end = self.end(left), self.start(right)
        gap = self.text[begin:end].decode()
        bare = gap.strip(" ()\n\t\\")
        if "#" in gap or not bare:
            return
        at = begin + len(gap[: gap.index(bare)].encode())
        self.found.append(Edit(at, at + len(bare.encode()), new, operator))

    # what is left alone

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Places inside f-strings are not reliable before Python 3.12."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_arg(self, node: ast.arg) -> None:
        """A parameter is a name and an annotation."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if any(isinstance(a.annotation, ast.Name) and a.annotation.id == "Random" for a in node.args.args):
            return
        for part in (*node.args.defaults, *(d for d in node.args.kw_defaults if d), *node.body):
            self.visit(part)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in node.body:
            self.visit(part)

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg != "strict":
            self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None:
        self.change(node, "pass", "refusal")

    # the mistakes

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self.change(node, str(not node.value), "flag")
        elif isinstance(node.value, int):
            self.change(node, str(node.value + 1), "constant")
            self.change(node, str(node.value - 1) if node.value else "(-1)", "constant")
        elif isinstance(node.value, str) and node.value in _SIDES:
            self.change(node, f'"{_SIDES[node.value]}"', "rounding")

    def visit_Compare(self, node: ast.Compare) -> None:
        operands = (node.left, *node.comparators)
        for left, operator, right in zip(operands, node.ops, operands[1:], strict=False):
            self.between(left, right, _COMPARISONS[type(operator)], "comparison")
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        new = "or" if isinstance(node.op, ast.And) else "and"
        for left, right in zip(node.values, node.values[1:], strict=False):
            self.between(left, right, new, "logic")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if not (isinstance(node.op, ast.BitOr) and (_is_type(node.left) or _is_type(node.right))):
            self.between(node.left, node.right, _ARITHMETIC[type(node.op)], "arithmetic")
        if isinstance(node.op, ast.FloorDiv):
            self.change(node, f"(-(-({self.source(node.left)}) // ({self.source(node.right)})))", "rounding")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.change(node, "pass", "dropped")
        gap = self.text[self.end(node.target) : self.start(node.value)].decode()
        if gap.strip(" ()").endswith("="):
            at = self.end(node.target) + gap.index(gap.strip(" ()"))
            self.found.append(Edit(at, at + len(gap.strip(" ()")), f"{_ARITHMETIC[type(node.op)]}=", "arithmetic"))
        self.visit(node.target)
        self.visit(node.value)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.USub):
            self.change(node, f"({self.source(node.operand)})", "sign")
        elif isinstance(node.op, ast.Not):
            self.change(node, f"(not not {self.source(node.operand)})", "condition")
        self.generic_visit(node)

    def negate(self, test: ast.expr) -> None:
        if isinstance(test, ast.Name) and test.id == "TYPE_CHECKING":
            return
        if not isinstance(test, ast.UnaryOp):
            self.change(test, f"(not ({self.source(test)}))", "condition")

    def visit_If(self, node: ast.If) -> None:
        self.negate(node.test)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        if not isinstance(node.test, ast.Constant):
            self.negate(node.test)
            self.visit(node.test)
        for part in (*node.body, *node.orelse):
            self.visit(part)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.negate(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self.negate(test)
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if _is_type(node.value):
            return
        if isinstance(node.ctx, ast.Load) and isinstance(node.slice, ast.Name):
            self.change(node.slice, f"{node.slice.id} + 1", "index")
        if isinstance(node.slice, ast.Slice):
            for bound in (node.slice.lower, node.slice.upper):
                if bound is not None and not isinstance(bound, (ast.Constant, ast.UnaryOp)):
                    self.change(bound, f"{self.source(bound)} + 1", "index")
        if isinstance(node.slice, ast.Constant) and node.slice.value == 0:
            self.visit(node.value)
            self.change(node.slice, "1", "constant")  # the last one is often the first too
        else:
            self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        for table, operator in ((_ROUNDING, "rounding"), (_EXTREMES, "extreme")):
            if node.attr in table:
                end = self.end(node)
                self.found.append(Edit(end - len(node.attr), end, table[node.attr], operator))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in _EXTREMES:
            self.change(node.func, _EXTREMES[name], "extreme")
        if name in _ROUNDING:
            self.change(node.func, _ROUNDING[name], "rounding")
        if name == "abs":
            self.change(node, f"({self.source(node.args[0])})", "sign")
        if name == "range":
            stop = node.args[min(1, len(node.args) - 1)]
            for new in ("+ 1", "- 1"):
                self.change(stop, f"{self.source(stop)} {new}", "range")
        if isinstance(node.func, ast.Attribute) and node.func.attr == "bit_length":
            self.change(node, f"({self.source(node)} - 1)", "width")
        called = node.func.attr if isinstance(node.func, ast.Attribute) else name
        if len(node.args) > 1 and called not in _SYMMETRIC and not _starred(node.args[:2]):
            self.exchange(node.args[0], node.args[1])
        self.generic_visit(node)

    def visit_Tuple(self, node: ast.Tuple) -> None:
        if len(node.elts) == 2 and isinstance(node.ctx, ast.Load) and not _starred(node.elts):
            self.exchange(*node.elts)
        self.generic_visit(node)

    def exchange(self, left: ast.expr, right: ast.expr) -> None:
        gap = self.text[self.end(left) : self.start(right)].decode()
        if "\n" not in gap and not _holds_text(left) and not _holds_text(right):
            new = f"{self.source(right)}{gap}{self.source(left)}"
            self.found.append(Edit(self.start(left), self.end(right), new, "swap"))

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self.change(node, "pass", "dropped")
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)


def _is_type(node: ast.expr) -> bool:
    """Whether an expression is a type as annotations and aliases name it."""
    if isinstance(node, ast.Subscript):
        return _is_type(node.value)
    if isinstance(node, ast.Attribute):
        return node.attr.lstrip("_")[:1].isupper() and not node.attr.isupper()
    return isinstance(node, ast.Name) and (
        (node.id.lstrip("_")[:1].isupper() and not node.id.lstrip("_").isupper())
        or node.id in ("tuple", "list", "dict", "set", "frozenset", "type")
    )


def _starred(nodes: list[ast.expr]) -> bool:
    return any(isinstance(node, ast.Starred) for node in nodes)


def _holds_text(node: ast.expr) -> bool:
    return any(isinstance(part, (ast.JoinedStr, ast.Constant)) and not _is_number(part) for part in ast.walk(node))


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


