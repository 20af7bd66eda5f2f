"""README, guide and Makefile say what is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from typer.main import get_command

from hwgen.cli.main import app

ROOT: Final = Path(__file__).resolve().parents[1]
DOCUMENTS: Final = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_operator_table_of_the_readme_is_up_to_date() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "scripts" / "update_readme.py"), "--check"], check=False, cwd=ROOT)
    assert done.returncode == 0, "run `make readme`"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_links_lead_to_files_that_exist(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_every_target_of_the_makefile_is_listed_by_help() -> None:
    text = (ROOT / "Makefile").read_text()
    (declared,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    described = set(re.findall(r"^([a-z]+):[^#\n]*## \S", text, re.MULTILINE))
    assert described == set(declared.split())


GUIDES: Final = [ROOT / "README.md", ROOT / "docs" / "guide.md"]


def commands() -> dict[str, Any]:
    """The commands of the command line, as click knows them."""
    command: Any = get_command(app)
    return command.commands


@pytest.mark.parametrize("path", GUIDES, ids=lambda p: p.name)
def test_commands_that_the_documents_show_exist(path: Path) -> None:
    blocks = "\n".join(re.findall(r"^```\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL))
    shown = set(re.findall(r"^hwgen ([a-z]+)", blocks, re.MULTILINE))
    assert shown, "the document shows commands"
    assert shown <= set(commands()), f"{shown - set(commands())} are no commands"


def test_guide_names_every_command_and_no_option_that_does_not_exist() -> None:
    text = "\n".join(path.read_text() for path in GUIDES)
    assert [name for name in commands() if f"`{name}`" not in text and f"hwgen {name}" not in text] == []
    options = {o for c in commands().values() for p in c.params for o in (*p.opts, *p.secondary_opts)} | {"--help", "--version"}
    named = set(re.findall(r"`(--[a-z][a-z0-9-]*)", text)) | set(re.findall(r"^hwgen .*?(--[a-z][a-z0-9-]*)", text, re.MULTILINE))
    assert named <= options, f"{named - options} are no options"
