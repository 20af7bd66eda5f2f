"""The journal: what it holds comes back; torn lines are gone, damaged ones are told; one process at a time, one search only."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from typing import Any

import pytest

from hwgen.errors import HwgenError, HwgenFailure
from hwgen.search.journal import NAME, Header, Outcome, TrialRecord, UniformRecord, opened, read_only

HEADER = Header(
    hwgen="0.1.0", libraries={"optuna": "5.0.0"}, model_sha256="a" * 64, data_sha256="b" * 64, space_sha256="c" * 64,
    objectives=("accuracy",), constraints=("luts<=4000",), strategy="tpe", seed=1, batch=8, trial="as it is",
)


def records(random: Random, count: int) -> list[TrialRecord | UniformRecord]:
    outcomes = [
        Outcome(measures={"accuracy": random.random(), "luts": 1e300 * random.random(), "ü": -0.0}),
        Outcome(error='says "no" \\ \n…'), Outcome(measures={}, graph_sha256="d" * 64),
    ]
    made: list[TrialRecord | UniformRecord] = [UniformRecord(bits=4, outcome=outcomes[0])]
    return made + [TrialRecord(number=n, key=(n, 2 * n), outcome=random.choice(outcomes)) for n in range(count)]


def filled(folder: Path, kept: list[TrialRecord | UniformRecord]) -> bytes:
    with opened(folder, HEADER, resume=False) as journal:
        for record in kept:
            journal.add(record)
    return (folder / NAME).read_bytes()


def test_what_was_kept_comes_back_number_by_number(tmp_path: Path, random: Random) -> None:
    kept = records(random, 20)
    filled(tmp_path, kept)
    header, trials, uniform = read_only(tmp_path)
    assert (header, [*uniform, *trials]) == (HEADER, kept)
    with opened(tmp_path, HEADER, resume=True) as journal:
        assert [*journal.uniform.values(), *journal.trials.values()] == kept


def test_journal_cut_at_any_byte_holds_the_lines_before_and_goes_on(tmp_path: Path, random: Random) -> None:
    kept = records(random, 3)
    whole = filled(tmp_path / "whole", kept)
    borders = [k + d for k, byte in enumerate(whole) if byte == 10 for d in (0, 1)]
    for end in sorted({0, *borders, *random.sample(range(len(whole)), 40)}):
        folder = tmp_path / "cut"
        folder.mkdir(exist_ok=True)
        (folder / NAME).write_bytes(whole[:end])
        with opened(folder, HEADER, resume=True) as journal:
            there = [*journal.uniform.values(), *journal.trials.values()]
            assert there == kept[: max(0, whole[:end].count(b"\n") - 1)]
            for record in kept[len(there) :]:
                journal.add(record)
        assert (folder / NAME).read_bytes() == whole


def test_no_change_of_a_byte_in_a_line_goes_unseen(tmp_path: Path, random: Random) -> None:
    whole = filled(tmp_path, records(random, 2))
    for _ in range(60):
        at = random.randrange(len(whole) - 1)  # without its last line feed a line is one that was being written
        changed = bytearray(whole)
        changed[at] ^= 1 << random.randrange(8)
        (tmp_path / NAME).write_bytes(bytes(changed))
        with pytest.raises(HwgenError, match=rf"file '{NAME}', line \d") as error, opened(tmp_path, HEADER, resume=True):
            pass
        assert error.value.code == "journal"


@pytest.mark.parametrize(("field", "value", "said"), [
    ("model_sha256", "e" * 64, "another model"), ("data_sha256", "e" * 64, "another data"),
    ("space_sha256", "e" * 64, "another search space"), ("seed", 2, "another seed: 1, not 2"),
    ("strategy", "random", "another strategy: tpe, not random"), ("constraints", (), "another set of constraints"),
    ("objectives", ("auc",), "another set of objectives: accuracy, not auc"),
    ("libraries", {"optuna": "4.0"}, "another version of a library"), ("hwgen", "0.2.0", "another version of hwgen"),
    ("batch", 4, "another size of a batch"), ("trial", "trained", "another kind of trial"),
])
def test_journal_of_another_search_is_refused(tmp_path: Path, random: Random, field: str, value: Any, said: str) -> None:
    before = filled(tmp_path, records(random, 1))
    with (
        pytest.raises(HwgenError, match=f"is of {said}.*choose another --out"),
        opened(tmp_path, HEADER.model_copy(update={field: value}), resume=True),
    ):
        pass
    assert (tmp_path / NAME).read_bytes() == before


def test_second_process_and_second_start_are_refused(tmp_path: Path) -> None:
    with (
        opened(tmp_path, HEADER, resume=False),
        pytest.raises(HwgenError, match="in use by another process"),
        opened(tmp_path, HEADER, resume=True),
    ):
        pass
    with pytest.raises(HwgenError, match="is there already; go on with --resume"), opened(tmp_path, HEADER, resume=False):
        pass


def test_full_disk_leaves_whole_lines(tmp_path: Path, random: Random, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = records(random, 1)
    write = os.write

    def half(handle: int, data: bytes) -> int:
        if half.calls:  # type: ignore[attr-defined]
            raise OSError(28, "No space left on device")
        half.calls += 1  # type: ignore[attr-defined]
        return write(handle, data[: len(data) // 2])

    half.calls = 0  # type: ignore[attr-defined]
    with opened(tmp_path, HEADER, resume=False) as journal:
        journal.add(first)
        monkeypatch.setattr(os, "write", half)
        with pytest.raises(HwgenFailure, match="make room on the disk and go on with --resume"):
            journal.add(second)
        monkeypatch.undo()
        journal.add(second)
    assert len(read_only(tmp_path)[1]) == 1


def test_what_is_no_journal_is_told(tmp_path: Path) -> None:
    with pytest.raises(HwgenError, match="holds no journal"):
        read_only(tmp_path)
    (tmp_path / NAME).write_bytes(b"something else\n")
    with pytest.raises(HwgenError, match="line 1: is damaged"):
        read_only(tmp_path)
