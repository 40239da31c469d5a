"""Every module is a word of the glossary."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import aircall_mcp

PACKAGE = Path(aircall_mcp.__file__).parent
GLOSSARY = (Path(__file__).parents[2] / "docs" / "glossary.md").read_text("utf-8")

STEMS = sorted(
    {path.stem for path in PACKAGE.rglob("*.py") if not path.stem.startswith("_")}
    | {path.parent.name for path in PACKAGE.rglob("__init__.py")} - {PACKAGE.name}
)


def words() -> set[str]:
    """The words in bold type and those in backticks, as a module would be named."""
    bold = {
        word.strip() for term in re.findall(r"\*\*(.+?)\*\*", GLOSSARY) for word in term.split(",")
    }
    return {word.lower().replace(" ", "_").replace("-", "_") for word in bold} | set(
        re.findall(r"`(\w+)`", GLOSSARY)
    )


@pytest.mark.parametrize("stem", STEMS)
def test_a_module_is_a_word_of_the_glossary(stem: str) -> None:
    assert {stem, stem.removesuffix("s"), f"{stem}s"} & words(), (
        f"`{stem}` is no word of docs/glossary.md"
    )
