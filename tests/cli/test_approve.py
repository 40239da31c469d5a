"""`aircall-mcp approve` at a real terminal: each answer is to the question that was seen."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from aircall_mcp.safety.safety import Safety

from ..harness import Clock
from ..terminal import on_terminal

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_what_is_typed_ahead_answers_nothing(home: Path) -> None:
    safety = Safety.of(home)
    try:
        asked = [
            await safety.approvals.ask(
                principal="owner", account="acme", operation="aircall_x", identity=which,
                preview=which, grade=2,
            )
            for which in ("Tell Ann", "Delete all")
        ]  # fmt: skip
        shown = on_terminal("approve", typed=[("Do it?", "y\ny\ny"), ("Do it?", "n")])
        assert shown.code == 0, shown.text
        stands = [(await safety.approvals.find(one.id)) for one in asked]
        assert [one and one.standing for one in stands] == ["approved", "refused"]
    finally:
        safety.close()


async def test_of_one_that_waited_too_long_it_is_told_how_to_be_asked_again(home: Path) -> None:
    then = Clock(time.time() - 1000)
    safety = Safety.of(home, clock=then.handed())
    try:
        one = await safety.approvals.ask(
            principal="owner", account="acme", operation="aircall_x", identity="x",
            preview="Tell Ann", grade=2,
        )  # fmt: skip
        shown = on_terminal("approve", one.id)
        assert shown.code == 1, shown.text
        assert "is not pending any more: expired" in shown.text
        assert "Have the model make the same call again" in " ".join(shown.text.split())
    finally:
        safety.close()


async def test_a_yes_is_taken_back_as_long_as_nobody_used_it(home: Path) -> None:
    safety = Safety.of(home)
    try:
        one = await safety.approvals.ask(
            principal="owner", account="acme", operation="aircall_x", identity="x",
            preview="Tell Ann", grade=2,
        )  # fmt: skip
        assert on_terminal("approve", one.id, typed=[("Do it?", "y")]).code == 0
        shown = on_terminal("approve", one.id, "--refuse")
        assert shown.code == 0, shown.text
        found = await safety.approvals.find(one.id)
        assert found is not None
        assert found.standing == "refused"
        assert on_terminal("approve", one.id, "--refuse").code != 0
    finally:
        safety.close()


async def test_control_c_at_the_question_ends_it_at_once_and_nothing_is_answered(
    home: Path,
) -> None:
    safety = Safety.of(home)
    try:
        one = await safety.approvals.ask(
            principal="owner", account="acme", operation="aircall_x", identity="x",
            preview="Tell Ann", grade=2,
        )  # fmt: skip
        shown = on_terminal("approve", one.id, until="Do it?")
        assert shown.code == 130, shown.text
        assert shown.lines[-1] == "Stopped."
        found = await safety.approvals.find(one.id)
        assert found is not None
        assert found.standing == "waiting"
    finally:
        safety.close()


async def test_control_c_at_the_question_of_run_ends_it_with_nothing_done(home: Path) -> None:
    words = "to=+14155551234", "--arg", "user=rep@example.com"
    shown = on_terminal(
        "run", "place_call", "--sandbox", "--ask", "--arg", *words, until="Do it?"
    )  # fmt: skip
    assert shown.code == 130, shown.text
    assert shown.lines[-1] == "Stopped."
    assert '"call"' not in shown.text
    safety = Safety.of(home)
    try:
        assert [one.standing for one in await safety.approvals.waiting()] == ["waiting"]
    finally:
        safety.close()
