"""A build killed, or told that the disk is full, at each of its changes: the earlier one is whole, the next run succeeds."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest
from crash.builds import MORE, environment, faulty, kill, leftovers, model, start, whole
from crash.faults import Faults, refuse

from hwgen import flow
from hwgen.errors import HwgenError
from hwgen.flow import BuildOptions
from hwgen.rtl import atomic
from hwgen.rtl.build_directory import Build

OPTIONS = BuildOptions(samples=4)


@pytest.fixture
def earlier(tmp_path: Path) -> str:
    """The hash of the build that is there before."""
    flow.build(model(tmp_path / "one", 1), tmp_path / "out", samples=4)
    return whole(tmp_path / "out")


@pytest.fixture
def later(tmp_path: Path) -> str:
    """The hash of the build that is made."""
    flow.build(model(tmp_path / "two", 2), tmp_path / "reference" / "out", samples=4)
    return whole(tmp_path / "reference" / "out")


def settled(folder: Path, digests: set[str]) -> str:
    """A further build succeeds, and clears away what lay about.  Returns the build that was there before it."""
    found = whole(folder / "out")
    assert found in digests, "neither the earlier build nor the later one"
    flow.emit_model(folder / "two" / "model.hwg", folder / "out", OPTIONS)
    assert leftovers(folder, "one", "two", "reference", "out", "home") == []
    return found


@pytest.mark.slow
def test_a_build_killed_at_each_of_its_changes(tmp_path: Path, earlier: str, later: str) -> None:
    command = ("emit", "two/model.hwg", "--out", tmp_path / "out", "--samples", 4)
    flow.emit_model(tmp_path / "one" / "model.hwg", tmp_path / "out", OPTIONS)
    count = int(faulty(tmp_path, 0, "kill", *command).stdout.splitlines()[-1])
    assert count > 20
    seen: list[str] = []
    for at in range(1, count + 1, 1 if MORE else 2):
        flow.emit_model(tmp_path / "one" / "model.hwg", tmp_path / "out", OPTIONS)
        assert faulty(tmp_path, at, "kill", *command).returncode == -signal.SIGKILL
        seen.append(settled(tmp_path, {earlier, later}))
    assert seen[0] == earlier and seen[-1] == later, "both sides of the exchange were met"


@pytest.mark.slow
def test_a_build_killed_at_random_instants(tmp_path: Path, earlier: str, seed: int) -> None:
    """Also while it compiles: each run has a cache of its own."""
    random = Random(seed)
    began = time.perf_counter()
    model(tmp_path / "two", 2)
    command = ("build", "two/model.hwg", "--out", "out", "--samples", 500)
    process = start(tmp_path, *command, XDG_CACHE_HOME=str(tmp_path / "home" / "measured"))
    assert process.wait() == 0, process.stderr and process.stderr.read()
    compiling = time.perf_counter() - began
    later = whole(tmp_path / "out")
    began = time.perf_counter()
    assert start(tmp_path, *command).wait() == 0
    cached = time.perf_counter() - began
    flow.emit_model(tmp_path / "one" / "model.hwg", tmp_path / "out", OPTIONS)
    wanted = MORE or 50
    for number in range(wanted):
        fresh = number % 15 == 7
        more = {"XDG_CACHE_HOME": str(tmp_path / "home" / str(number))} if fresh else {}
        instant = random.uniform(0, compiling if fresh else cached)
        process = start(tmp_path, *command, **more)
        try:
            process.wait(instant)
        except subprocess.TimeoutExpired:
            kill(process)
        settled(tmp_path, {earlier, later})
        flow.emit_model(tmp_path / "one" / "model.hwg", tmp_path / "out", OPTIONS)


@pytest.mark.slow
def test_a_cache_whose_maker_was_killed_gives_right_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runtime's objects and the program, made from nothing, with a kill at each change of the cache."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    command = ("build", model(tmp_path / "two", 2), "--out", tmp_path / "out", "--samples", 4)
    kills = 0
    for at in range(2, 200, 7):
        done = faulty(home, at, "kill", *command)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        if done.returncode == 0:
            break
        kills += 1
    assert kills >= 3
    assert flow.simulate(tmp_path / "out", samples=20).mismatches == 0


def test_a_damaged_cache_entry_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hwgen.sim.cache import keep, kept

    source = tmp_path / "program"
    source.write_bytes(b"right")
    entry = keep(source, tmp_path / "cache", "key")
    assert kept(tmp_path / "cache", "key") == entry
    for damage in (b"", b"righ", b"wrong"):
        entry.write_bytes(damage)
        assert kept(tmp_path / "cache", "key") is None
        assert not entry.exists(), "and is gone"
        assert keep(source, tmp_path / "cache", "key") == entry


# --- the system says no ---------------------------------------------------------------------------------------------


class Switch:
    """An audit hook stays for ever; this one does something only while it has faults."""

    faults: Faults | None = None

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.faults is not None:
            self.faults(event, arguments)


@pytest.fixture(scope="module")
def switch() -> Switch:
    made = Switch()
    sys.addaudithook(made)
    return made


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO], ids=errno.errorcode.get)
def test_a_write_that_fails_leaves_the_earlier_build(tmp_path: Path, earlier: str, switch: Switch, code: int) -> None:
    """Each change in turn, and all after it; at the end none fails."""
    later = model(tmp_path / "two", 2)
    for at in range(1, 200, 1 if code == errno.ENOSPC else 7):
        switch.faults = Faults(str(tmp_path), at, refuse(code), again=True)
        try:
            flow.emit_model(later, tmp_path / "out", OPTIONS)
            failed = False
        except HwgenError as error:
            failed = True
            assert error.code in ("output", "no-start") and os.strerror(code) in error.what, str(error)
            assert error.exit_code == (1 if code in (errno.ENOSPC, errno.EIO) or error.code == "no-start" else 2)
        finally:
            switch.faults = None
        if not failed:
            assert at > 20
            break
        assert whole(tmp_path / "out") == earlier
    else:
        raise AssertionError("a build has fewer changes")
    flow.emit_model(tmp_path / "one" / "model.hwg", tmp_path / "out", OPTIONS)
    assert leftovers(tmp_path, "one", "two", "out") == []


@pytest.mark.slow
def test_a_full_disk_in_the_middle_of_a_file(tmp_path: Path, earlier: str) -> None:
    """The limit of a file's size stands for the disk; the toolchain's files hit it too."""
    model(tmp_path / "two", 2)
    command = [sys.executable, "-c", "import sys; from hwgen.cli.main import main; main()"]
    for size in (0, 1, 100, 700, 3000, 20_000):
        words = [*command, "emit" if size else "build", "two/model.hwg", "--out", "out", "--samples", "4"]
        done = subprocess.run(
            words,
            cwd=tmp_path,
            env=environment(),
            text=True,
            capture_output=True,
            check=False,
            preexec_fn=lambda size=size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        )
        assert done.returncode == (0 if size == 20_000 else 1), done.stderr
        if done.returncode:
            assert "make room" in done.stderr and "Traceback" not in done.stderr
            assert whole(tmp_path / "out") == earlier
    assert leftovers(tmp_path, "one", "two", "out") == []


@pytest.mark.parametrize("exchange", [True, False], ids=["swapped", "in two steps"])
def test_a_rename_that_fails_leaves_the_earlier_build(
    tmp_path: Path, earlier: str, monkeypatch: pytest.MonkeyPatch, exchange: bool
) -> None:
    later = model(tmp_path / "two", 2)
    monkeypatch.setattr(atomic, "_exchange", lambda one, other: False)
    real = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if Path(target).name == "out" and (exchange or self.name.endswith(".partial")):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))
        return real(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(HwgenError, match="Permission denied"):
        flow.emit_model(later, tmp_path / "out", OPTIONS)
    monkeypatch.undo()
    assert whole(tmp_path / "out") == earlier
    assert leftovers(tmp_path, "one", "two", "out") == []


def test_without_an_exchange_a_build_is_replaced_in_two_steps(
    tmp_path: Path, earlier: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = model(tmp_path / "two", 2)
    monkeypatch.setattr(atomic, "_exchange", lambda one, other: False)
    flow.emit_model(later, tmp_path / "out", OPTIONS)
    assert whole(tmp_path / "out") != earlier
    assert leftovers(tmp_path, "one", "two", "out") == []


def test_a_build_that_was_moved_aside_by_a_killed_process_is_put_back(tmp_path: Path, earlier: str) -> None:
    aside = tmp_path / ".out.abc.old"
    aside.mkdir()
    (tmp_path / "out").rename(aside / "build")
    with pytest.raises(HwgenError), atomic.folder_beside(tmp_path / "out"):
        raise HwgenError("test", "the next run", "fails", "it is a test")
    assert whole(tmp_path / "out") == earlier
    assert not aside.exists()


def test_only_what_no_process_holds_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".out.dead.partial").mkdir()
    (tmp_path / ".out.dead.partial" / "file").touch()
    (tmp_path / ".other.dead.partial").mkdir()
    with atomic.folder_beside(tmp_path / "out") as one, atomic.folder_beside(tmp_path / "out") as two:
        assert one.is_dir() and two.is_dir(), "a place in use stays"
        assert not (tmp_path / ".out.dead.partial").exists()
        assert (tmp_path / ".other.dead.partial").exists(), "another name's is its own affair"
    assert leftovers(tmp_path) == [".other.dead.partial"]


@pytest.mark.parametrize("place", ["/proc/hwgen-test/out", "/dev/null/out", "/sys/out"])
def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, place: str) -> None:
    with pytest.raises(HwgenError, match="cannot be written") as caught:
        flow.emit_model(model(tmp_path / "one", 1), Path(place), OPTIONS)
    assert caught.value.exit_code == 2


@pytest.mark.skipif(os.getuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_folder_is_refused(tmp_path: Path, earlier: str) -> None:
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(HwgenError, match="cannot be written"):
            flow.emit_model(tmp_path / "one" / "model.hwg", tmp_path / "out", OPTIONS)
    finally:
        tmp_path.chmod(0o755)
    assert whole(tmp_path / "out") == earlier


def test_a_text_appears_whole_or_not_at_all(tmp_path: Path, switch: Switch) -> None:
    path = tmp_path / "sub" / "report.html"
    atomic.write_text(path, "first")
    for at in range(1, 50):
        switch.faults = Faults(str(tmp_path), at, refuse(errno.ENOSPC), again=True)
        try:
            atomic.write_text(path, "second")
            break
        except HwgenError:
            assert path.read_text() == "first"
        finally:
            switch.faults = None
    assert at > 2 and path.read_text() == "second"
    atomic.write_text(path, "third")
    assert leftovers(path.parent, "report.html") == []


def test_a_reader_never_sees_two_builds_mixed(tmp_path: Path, earlier: str) -> None:
    """The graph of one build beside the manifest of another is refused."""
    flow.emit_model(model(tmp_path / "two", 2), tmp_path / "other", OPTIONS)
    (tmp_path / "out" / "model.hwg").write_bytes((tmp_path / "other" / "model.hwg").read_bytes())
    with pytest.raises(HwgenError, match="not the one that was built"):
        Build(tmp_path / "out")
