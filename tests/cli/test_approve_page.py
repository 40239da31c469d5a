"""`aircall-mcp approve --page` at a real terminal: a code that lets in, once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aircall_mcp.safety.safety import Safety

from ..terminal import on_terminal

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_a_terminal_shows_the_code_and_the_address(home: Path) -> None:
    shown = on_terminal(
        "approve", "--page", until="ends this", columns=100, variables={"BROWSER": "true"}
    )
    assert shown.code == 0, shown.text
    code, url = re.findall(r"(\w{4}-\w{4}) is the code for (\S+)", shown.text)[0]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", url)
    assert code not in url
    safety = Safety.of(home)
    try:
        assert await safety.visitors.enter(code) is not None
        assert await safety.visitors.enter(code) is None
    finally:
        safety.close()


def test_it_goes_with_no_other_way(home: Path) -> None:
    shown = on_terminal("approve", "--page", "--refuse")
    assert shown.code == 2
    assert "--page cannot be combined with" in shown.text


def test_what_is_not_known_is_said_before_anything_opens(home: Path) -> None:
    shown = on_terminal("approve", "--page", "0000000000")
    assert shown.code == 1
    assert "is not known" in shown.text
    assert "code" not in shown.text
