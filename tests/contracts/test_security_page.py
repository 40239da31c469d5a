"""Every promise of `docs/security.md` names tests that are there, and commands that are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
NO_PROMISES = ("What is not promised", "Tested")
"""What tells what is not held, and the figures, of which each row has a command."""
_TEST = re.compile(r"tests/[\w./-]*\w")


def sections() -> dict[str, str]:
    parts = re.split(r"^## (.+)$", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


SECTIONS = sections()


@pytest.mark.parametrize("name", [one for one in SECTIONS if one not in NO_PROMISES])
def test_a_section_that_promises_says_which_tests_hold_it(name: str) -> None:
    held = [part for part in SECTIONS[name].split("\n\n") if part.startswith("Held by ")]
    assert held, f"{name}: held by nothing"
    for part in held:
        files = _TEST.findall(part)
        assert files
        assert all(one.endswith(".py") for one in files), part


def test_all_that_is_named_is_there() -> None:
    named = set(_TEST.findall(PAGE))
    assert len(named) > 50
    assert {one for one in named if not (ROOT / one.partition("::")[0]).exists()} == set()


def test_every_row_of_figures_has_a_command_that_runs() -> None:
    rows = [line for line in SECTIONS["Tested"].splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 40
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for row in rows:
        command = row.rstrip(" |").rpartition("| ")[2]
        made = re.match(r"`make ([a-z-]+)`", command)
        assert made is None or made[1] in targets, row
        assert made or re.match(r"`(pytest tests/|python benchmarks/)", command), row
        for file in re.findall(r"benchmarks/\w+\.py", command):
            assert (ROOT / file).exists(), row


def test_each_attack_is_of_a_threat_that_the_page_names() -> None:
    attacks = {f"tests/attacks/{one.name}" for one in (ROOT / "tests/attacks").glob("test_*.py")}
    named = {one.partition("::")[0] for one in _TEST.findall(PAGE)}
    assert attacks - named == set()


def test_every_file_of_the_home_is_in_the_table() -> None:
    elsewhere = ROOT / "server/aircall_mcp/cli/configs/places.py"  # files of clients
    sources = [one for one in (ROOT / "server").rglob("*.py") if one != elsewhere]
    made = {
        name for source in sources
        for name in re.findall(r'home / f?"([\w.-]+)', source.read_text("utf-8"))
    }  # fmt: skip
    assert {"vault.db", "config.toml", "refresh-", "sandbox"} <= made
    table = SECTIONS["Where things are"]
    assert {name for name in made if f"`{name}" not in table} == set()
