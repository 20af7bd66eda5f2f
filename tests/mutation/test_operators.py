"""The operators: each makes its mistake, on a small text, and leaves alone what it should."""

from __future__ import annotations

import ast

import pytest
from mutation import python_operators, rtl_operators
from mutation.command import ROOT
from mutation.mutant import Edit, Mutant, named
from mutation.sampling import sample
from mutation.sources import mutants_of, sources

PYTHON = [
    ("constant", "x = 7", "x = 8"), ("constant", "x = 7", "x = 6"), ("constant", "x = 0", "x = (-1)"),
    ("flag", "x = f(True)", "x = f(False)"),
    ("index", "x = a[i]", "x = a[i + 1]"), ("index", "x = a[i:n]", "x = a[i:n + 1]"),
    ("range", "x = range(n)", "x = range(n - 1)"), ("range", "x = range(a, n)", "x = range(a, n + 1)"),
    ("comparison", "x = a < b", "x = a <= b"), ("comparison", "x = a == b", "x = a != b"),
    ("comparison", "x = a < b <= c", "x = a < b < c"), ("comparison", "x = (a) not in (b)", "x = (a) in (b)"),
    ("condition", "x = a if c else b", "x = a if (not (c)) else b"),
    ("condition", "if a > b:\n    f()", "if (not (a > b)):\n    f()"),
    ("condition", "x = [a for a in b if c]", "x = [a for a in b if (not (c))]"), ("condition", "x = not a", "x = (not not a)"),
    ("logic", "x = a and b", "x = a or b"), ("logic", "x = (a or b) or c", "x = (a or b) and c"),
    ("arithmetic", "x = a + b", "x = a - b"), ("arithmetic", "x = a << b", "x = a >> b"), ("arithmetic", "x += b", "x -= b"),
    ("sign", "x = -a", "x = (a)"), ("sign", "x = abs(a)", "x = (a)"),
    ("extreme", "x = min(a, b)", "x = max(a, b)"), ("extreme", "x = np.maximum(a, b)", "x = np.minimum(a, b)"),
    ("rounding", "x = floor(a)", "x = ceil(a)"), ("rounding", "x = a // b", "x = (-(-(a) // (b)))"),
    ("rounding", "x = Rounding.HALF_EVEN", "x = Rounding.HALF_UP"), ("rounding", "x = f(a, side='left')", 'x = f(a, side="right")'),
    ("width", "x = a.bit_length()", "x = (a.bit_length() - 1)"),
    ("swap", "x = low, high", "x = high, low"), ("swap", "x = f(a, b, c)", "x = f(b, a, c)"),
    ("dropped", "x += 1", "pass"), ("dropped", "a.append(b)", "pass"),
    ("refusal", "if c:\n    raise ValueError(1)", "if c:\n    pass"),
]

RTL = [
    ("constant", "assign y = x + 3;", "assign y = x + 4;"), ("constant", "assign y = '0;", "assign y = '1;"),
    ("constant", "assign y = 1'b0;", "assign y = 1'b1;"),
    ("width", "logic [W-1:0] y;", "logic [W-1-1:0] y;"), ("width", "logic y [Depth];", "logic y [Depth-1];"),
    ("width", "assign y = W'(x);", "assign y = (W-1)'(x);"), ("width", "assign y = x[a+:W];", "assign y = x[a+:(W)-1];"),
    (
        "reset", "always_ff @(posedge c) if (rst_i) begin a <= 0; b <= 0; end else a <= b;",
        "always_ff @(posedge c) if (rst_i) begin a <= 0; begin end end else a <= b;",
    ),
    (
        "lane", "for (genvar l = 0; l < N; l++) begin assign y[l] = x; end",
        "for (genvar l = 0; l < N; l++) begin assign y[(N-1-l)] = x; end",
    ),
    (
        "lane", "always_comb for (int unsigned l = 0; l < f(N); l++) y[2*l] = x;",
        "always_comb for (int unsigned l = 0; l < f(N); l++) y[2*(f(N)-1-l)] = x;",
    ),
    ("lane", "assign y = {a, b[2], c};", "assign y = {c, b[2], a};"),
    ("sign", "assign y = W'($signed(x));", "assign y = W'((x));"), ("sign", "logic signed [3:0] y;", "logic  [3:0] y;"),
    ("sign", "m #(.Signed(Signed)) u (.x(x));", "m #(.Signed(!(Signed))) u (.x(x));"),
    ("sign", "assign y = x >>> 2;", "assign y = x >> 2;"),
    ("rounding", "localparam int B = (N + L - 1) / L;", "localparam int B = ((N) / L);"),
    ("rounding", "localparam int B = N / L;", "localparam int B = ((N + L - 1) / L);"),
    ("rounding", "assign y = x >>> s;", "assign y = (((x - 1) >>> s) + 1);"),
    ("comparison", "assign y = a < b;", "assign y = a <= b;"), ("comparison", "assign y = a != b;", "assign y = a == b;"),
    ("condition", "assign y = c ? a : b;", "assign y = !(c) ? a : b;"),
    ("condition", "if (A == B) begin assign y = x; end", "if (!(A == B)) begin assign y = x; end"),
    ("logic", "assign y = a && b;", "assign y = a || b;"), ("logic", "assign y = &a;", "assign y = |a;"),
    ("logic", "assign y = !a;", "assign y = (a);"),
    ("handshake", "assign y = valid && ready;", "assign y = (valid);"),
    ("handshake", "assign y = valid && ready;", "assign y = (ready);"),
    ("handshake", "always_ff @(posedge c) if (valid) y <= x;", "always_ff @(posedge c) if (1'b1) y <= x;"),
    ("arithmetic", "assign y = a * b;", "assign y = a + b;"), ("arithmetic", "assign y = a << b;", "assign y = a >> b;"),
    ("refusal", 'if (A < 1 || B < 1) begin $error("bad"); end', "if (1'b0 || B < 1) begin $error(\"bad\"); end"),
]


def changed(text: str, edits: list[Edit], operator: str) -> list[str]:
    mutants = named("some/file", text.encode(), edits)
    return [mutant.apply(text.encode()).decode() for mutant in mutants if mutant.edit.operator == operator]


@pytest.mark.parametrize(("operator", "before", "after"), PYTHON)
def test_python_mistake_is_made(operator: str, before: str, after: str) -> None:
    assert after in changed(before, python_operators.edits(before.encode()), operator)


@pytest.mark.parametrize(("operator", "before", "after"), RTL)
def test_rtl_mistake_is_made(operator: str, before: str, after: str) -> None:
    pytest.importorskip("pyslang", reason="pyslang is not installed")
    text = f"module m; {before} endmodule\n"
    assert f"module m; {after} endmodule\n" in changed(text, rtl_operators.edits(text.encode()), operator)


@pytest.mark.parametrize("text", [
    '"""Text 1 < 2."""', "x: tuple[int, 3]", "def f(x: Annotated[int, 3]) -> Literal[4]: ...", "x = f'{a + 1:>5}'",
    "from a import b", "x = zip(a, b, strict=True)", "@dataclass(frozen=True)\nclass A:\n    x: int",
    "def f(random: Random):\n    return 1 + random.random()", "x = gcd(a, b)",
    "if TYPE_CHECKING:\n    from a import b", "Both = One | Other",
])
def test_python_without_behaviour_has_no_mutant(text: str) -> None:
    assert not python_operators.edits(text.encode())


@pytest.mark.parametrize("text", [
    "module m #(parameter int W = 8) (); endmodule", "module m; initial begin a = 1; end endmodule", "module m; endmodule // 1 < 2",
    "module m;\n`ifndef SYNTHESIS\n  assign y = 1;\n`endif\nendmodule",
    "module m; always_ff @(posedge c) begin if (v) begin ok : assert (a && b); end end endmodule",
])
def test_rtl_without_behaviour_has_no_mutant(text: str) -> None:
    pytest.importorskip("pyslang", reason="pyslang is not installed")
    assert not rtl_operators.edits(text.encode())


def test_python_outside_ascii_is_changed_at_the_right_place() -> None:
    assert "σ = 'γ'; x = 'λ' + y - 3" not in changed("σ = 'γ'; x = 'λ' + y + 3", [], "arithmetic")
    before = "σ = 'γ'; x = λ + y"
    assert changed(before, python_operators.edits(before.encode()), "arithmetic") == ["σ = 'γ'; x = λ - y"]


def test_mutant_keeps_its_name_when_other_lines_come_and_twins_have_two() -> None:
    def names(text: str) -> list[str]:
        return [mutant.id for mutant in named("a.py", text.encode(), python_operators.edits(text.encode()))]

    assert set(names("x = a < b")) <= set(names("y = c\n\nif z:\n    x = a < b\n"))
    twins = names("x = a < b\nx = a < b\n")
    assert len(set(twins)) == len(twins) == 2


def test_mutants_of_the_sources_parse_and_differ() -> None:
    for path in sources(ROOT):
        text = (ROOT / path).read_bytes()
        original = ast.dump(ast.parse(text)) if path.endswith(".py") else ""
        for mutant in sample(mutants_of(ROOT, path), 8, 1) if original else ():
            assert ast.dump(ast.parse(mutant.apply(text))) != original, mutant.diff(text)


def test_diff_says_what_changed() -> None:
    text = b"a = b\nx = 7\n"
    (mutant, _) = named("a.py", text, python_operators.edits(text))
    assert {"-x = 7", "+x = 6"} <= set(mutant.diff(text).splitlines()) and mutant.line(text) == 2


def test_sample_is_fair_to_strata_and_stays_when_another_file_comes() -> None:
    def mutants(path: str, operator: str, count: int) -> list[Mutant]:
        return [Mutant(f"{path}:{operator}:{number}", path, Edit(number, number, "", operator)) for number in range(count)]

    old = [*mutants("passes/a.py", "logic", 200), *mutants("passes/a.py", "sign", 40), *mutants("rtl_templates/b.sv", "logic", 60)]
    chosen = sample(old, 60, 1)
    strata = [sum(m.path == p and m.edit.operator == o for m in chosen) for p, o in
              (("passes/a.py", "logic"), ("passes/a.py", "sign"), ("rtl_templates/b.sv", "logic"))]
    assert all(abs(got - wanted) <= 1 for got, wanted in zip(strata, (25, 5, 30), strict=True)), strata
    more = sample([*old, *mutants("rtl_templates/c.sv", "logic", 4)], 60, 1)
    assert len(set(chosen) & set(more)) >= len(chosen) - 4
    assert set(sample(old, 60, 2)) != set(chosen)
    assert set(sample(old, 10_000, 1)) == set(old)
