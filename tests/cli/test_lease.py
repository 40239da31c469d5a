"""A person's yes, given ahead at a terminal: counted, ended, and never more than was given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aircall_mcp.cli import group

from ..processes import spoken
from ..terminal import on_terminal
from ..waiting import aside

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


def typed(*words: str, code: int = 0) -> Any:
    result = CliRunner().invoke(group, [*words])
    assert result.exit_code == code, result.output
    return result


def text(last: int) -> dict[str, Any]:
    return {"number_id": 88012, "to": f"+1415555014{last}", "body": "We open at nine."}


async def test_it_is_given_at_a_terminal_counts_down_and_ends(home: Path) -> None:
    lines = ("--from", "+1 312 555 0155", "--from", "paris sales")
    words = ("lease", "give", "texts", "2", "--to", "+1415555014*", *lines, "--sandbox")
    nowhere = await aside(typed, *words[:-2], "pariss sales", "--sandbox", code=1)
    assert "Did you mean `Paris Sales`?" in getattr(nowhere.exception, "hint", "")
    piped = await aside(typed, *words, code=1)
    assert "no terminal" in str(piped.exception)
    shown = await aside(on_terminal, *words, typed=[("Give it?", "y")])
    assert shown.code == 0
    assert "2 texts to +1415555014*" in shown.text
    (lease,) = json.loads((await aside(typed, "lease", "list", "--json")).stdout)
    ours = (await aside(typed, "lease", "list", "--json", "--sandbox")).stdout
    assert json.loads(ours) == [lease]
    listed = (await aside(typed, "lease", "list")).stdout
    assert "0 of 2 texts to +1415555014*, from 88016, 88012, by " in listed
    async with spoken("--sandbox", "--ask") as server:
        tool = "aircall_send_message_in_conversation"
        for last in (1, 2):
            assert "data" in await server.call(tool, **text(last))
        error = (await server.call(tool, **text(3)))["error"]
        assert error["kind"] == "needs_confirmation"
        await aside(typed, "lease", "revoke", "--all", "--sandbox")
    assert json.loads((await aside(typed, "lease", "list", "--json")).stdout) == []
    await aside(typed, "lease", "revoke", lease["id"], code=1)
    without = await aside(typed, *words[:-1], code=1)
    hint = getattr(without.exception, "hint", "")
    assert "aircall-mcp setup --sandbox" in hint
    assert await aside(typed, "lease", "give", *words[2:], "--account", "acme", code=2)
