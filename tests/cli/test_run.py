from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from aircall_mcp.app import open_app
from aircall_mcp.cli.run import answered, arguments_of
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.config import settings_from
from aircall_mcp.offer import Offers, Registry

from ..harness import answering, asking_desk
from ..waiting import PATIENCE

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("yes", "waits"), [(True, False), (False, False), (None, True)])
async def test_a_person_at_the_terminal_is_asked_and_obeyed(
    registry: Registry, yes: bool | None, waits: bool
) -> None:
    app, arrived = answering(204)
    desk = asking_desk(Offers(registry), app)
    shown: list[str] = []

    def confirm(preview: str) -> bool | None:
        shown.append(preview)
        return yes

    outcome = await answered(desk, "aircall_delete_tag", {"tag_id": 7}, confirm)
    assert (outcome.is_error, len(arrived)) == (not yes, int(bool(yes)))
    assert len(shown) == 1
    assert "aircall_delete_tag" in shown[0]
    assert "tag_id: 7" in shown[0]
    if not yes:
        error = outcome.payload["error"]
        assert (error["kind"], "approval" in error) == (
            ("needs_confirmation", True) if waits else ("declined", False)
        )
    stands = await desk.call("aircall_approval_status", {}, Caller(interface="cli"))
    assert bool(stands.payload["data"]["waiting"]) is waits
    await desk.aclose()


async def test_me_in_the_sandbox_is_somebody_who_can_call(home: Path) -> None:
    app = open_app(settings_from({"sandbox": True}))
    async with app:
        wanted = {"to": "+14155551234"}
        would = await app.desk.call("aircall_place_call", {**wanted, "dry_run": True}, Caller())
        assert not would.is_error, would.payload
        placed = await app.desk.call("aircall_place_call", wanted, Caller())
        assert placed.payload["data"]["from"]["user"] == "Robin Ellis"
        found = await app.desk.call("aircall_find_person", {"query": "me"}, Caller())
        assert "rep@example.com" in str(found.payload)


ASKED = "from aircall_mcp.cli.run import _confirm; print(_confirm('Delete it.'))"


@pytest.mark.parametrize(
    ("typed", "seen", "yes"),
    [(True, True, True), (True, False, False), (False, True, False), (False, False, False)],
)
def test_who_cannot_see_the_question_or_not_type_an_answer_is_not_asked(
    typed: bool, seen: bool, yes: bool
) -> None:
    here, terminal = pty.openpty()
    os.write(here, b"n\n")  # typed ahead of the question, it answers nothing
    process = subprocess.Popen(
        [sys.executable, "-c", ASKED],
        stdin=terminal if typed else subprocess.DEVNULL,
        stderr=terminal if seen else subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    if yes:
        shown = b""
        while b"[y/N]" not in shown:
            shown += os.read(here, 1024)
        os.write(here, b"y\n")
    said, complaint = process.communicate(timeout=PATIENCE)
    os.close(terminal)
    os.close(here)
    assert process.returncode == 0
    assert said.split()[-1] == (b"True" if yes else b"None")  # nobody's no
    assert not complaint


@pytest.mark.parametrize(
    ("pair", "name", "value"),
    [
        ("body=1+1=2", "body", "1+1=2"),
        ("url=https://a.example/?q=1", "url", "https://a.example/?q=1"),
        ('tags=["a=b"]', "tags", ["a=b"]),
        ("name=", "name", ""),
        ("call_id=7", "call_id", 7),
    ],
)
def test_what_comes_after_the_first_sign_of_equality_is_the_value(
    pair: str, name: str, value: object
) -> None:
    assert arguments_of((pair,), None) == {name: value}
