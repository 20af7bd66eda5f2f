"""Which tests judge a file follows from names, imports and instances."""

from __future__ import annotations

from mutation.command import ROOT
from mutation.judges import needs, steps_for
from mutation.sources import sources


def test_a_part_without_a_testbench_is_judged_by_what_contains_it_nearest_first() -> None:
    first, checks, *more = steps_for(ROOT, "rtl_templates/math/hg_sum.sv")
    assert (first.files, first.select) == (("testbenches/modules/test_hg_adder_tree.py",), ("-m", "quick"))
    assert checks.select == ("-k", "refused and (hg_adder_tree or hg_sum)")
    assert {"testbenches/modules/test_hg_matvec.py", "testbenches/modules/test_hg_requant_threshold.py"} <= set(more[0].files)
    assert [step.select[1] for step in more] == ["quick", "not quick", "not quick"]


def test_python_is_judged_by_what_imports_it_and_by_its_mirror() -> None:
    direct, *rest = steps_for(ROOT, "hwgen/numerics/floor_line.py")
    assert direct.files[0] == "tests/numerics/test_floor_line.py"
    assert "tests/numerics/test_limits.py" in rest[0].files and "tests/numerics/test_surd.py" in rest[-1].files, "from near to far"
    assert all("tests/numerics/test_floor_line.py" not in step.files for step in rest)
    assert "tests/passes/test_passes.py" in steps_for(ROOT, "passes/transform/lower.py")[0].files, "through the package's __init__"


def test_what_says_the_meaning_of_models_is_judged_by_the_frontends_last() -> None:
    *_, last = steps_for(ROOT, "hwgen/ops/slicing.py")
    assert last.files and all(file.startswith("tests/frontend/") for file in last.files)
    steps = steps_for(ROOT, "hwgen/ops/requantize.py")
    assert not any(file.startswith("tests/frontend/") for step in steps for file in step.files)


def test_what_calls_the_rules_of_operators_is_judged_by_their_tests_last() -> None:
    *_, last = steps_for(ROOT, "passes/transform/lower.py")
    assert last.files and all(file.startswith("tests/ops/") for file in last.files)
    steps = steps_for(ROOT, "passes/transform/fold_batch_norm.py")
    assert not any(file.startswith("tests/ops/") for step in steps for file in step.files)


def test_every_source_is_judged_by_files_that_are_there() -> None:
    for path in sources(ROOT):
        steps = steps_for(ROOT, path)
        assert steps and all((ROOT / file).is_file() for step in steps for file in step.files), path


def test_a_test_rests_on_what_it_imports_and_on_the_templates() -> None:
    found = needs(ROOT, "tests/numerics/test_surd.py")
    assert {"hwgen/numerics/surd.py", "hwgen/errors.py", "rtl_templates/math/hg_sum.sv"} <= set(found)
    assert "hwgen/numerics/scale_shift.py" not in found
    assert "testbenches/hwgen_tb/bench.py" in needs(ROOT, "testbenches/modules/test_hg_delay.py")
