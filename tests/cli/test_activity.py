"""What was done, as a person reads it: who asked, for whom, and how it ended; and nothing more."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from aircall_mcp.cli import group
from aircall_mcp.cli.activity import here, in_words, start_of
from aircall_mcp.errors import ArgumentError, ToolError
from aircall_mcp.gateway import journal as journals
from aircall_mcp.gateway.intents import _destination  # pyright: ignore[reportPrivateUsage]
from aircall_mcp.gateway.journal import Intent, Journal
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.clock import Clock
from aircall_mcp.ground.phones import masked
from aircall_mcp.storage.state import boot, durable

from ..harness import THURSDAY
from ..upstream import bound, gateway, upstream

pytestmark = pytest.mark.anyio

PARIS = ZoneInfo("Europe/Paris")
PERSON = "+33199001234"


def typed(*words: str) -> str:
    result = CliRunner().invoke(group, ["activity", *words])
    assert result.exit_code == 0, result.output
    return result.output


def told(*words: str) -> list[dict[str, Any]]:
    return json.loads(typed(*words, "--json"))["effects"]


async def four_things(home: Path) -> None:
    """A text, a tag, a note on a call that is none, and a read."""
    claude = Caller(interface="mcp", client="Claude\u202e Desktop\n\x1b[31m" + "x" * 20)
    journal = Journal(lambda: durable(home / "journal.db", journals.MIGRATIONS), boot=boot)
    async with upstream() as there:
        ours = gateway(there.proxy.base_url, journal=journal)
        number = next(iter(there.sandbox.world.numbers))
        text = bound("send_message_in_conversation", number_id=number, to=PERSON, body="Come at 5")
        await ours.send(text, claude)
        await ours.send(bound("create_tag", name="Secret plan", color="#FF5733"), Caller())
        with pytest.raises(ToolError):
            await ours.send(bound("add_call_comment", call_id=4200012345, content="psst"), claude)
        await ours.send(bound("list_tags"), claude)
        await ours.aclose()


def test_it_says_who_asked_for_what_to_whom_and_how_it_ended(home: Path) -> None:
    assert "Nothing was done" in typed()
    assert "nor is what the built-in sandbox does" in " ".join(typed().split())
    assert not home.exists()  # to look makes nothing
    asyncio.run(four_things(home))
    comment, tag, sent = told()
    assert (sent["interface"], sent["what"], sent["to"]) == (
        "mcp", "Send a text message (SMS)", "+33…34",
    )  # fmt: skip
    assert sent["client"] == "Claude Desktop [31m" + "x" * 20
    assert (sent["outcome"], sent["in_words"][:4]) == ("done", "done")
    assert (tag["interface"], tag["client"], tag["to"]) == ("cli", "", "")
    assert (comment["to"], comment["outcome"], comment["in_words"]) == (
        "call …2345", "failed", "refused (404), not done",
    )  # fmt: skip
    table = typed()
    assert "Claude Desktop" in table
    assert "Send a text message (SMS)" in table
    assert here(datetime.fromisoformat(sent["at"]).timestamp())[:13] in table
    # Neither here nor in the file is there a number, an id, a text or a name.
    kept = (home / "journal.db").read_bytes()
    for private in (PERSON, "199001234", "Come at 5", "Secret plan", "4200012345", "psst"):
        assert private not in table
        assert private not in typed("--json")
        assert private.encode() not in kept


@pytest.mark.parametrize(
    ("value", "expected"),
    [("+33199001234", "+33…34"), ("+14155550143", "+14…43"), ("+3361234567", "+33…67"),
     ("+12345678", "…78"), ("+1234567", "…67"), ("+33 1 99 00 12 34", "+33…34")],
)  # fmt: skip
def test_of_a_number_its_beginning_and_two_digits_are_kept(value: str, expected: str) -> None:
    assert masked(value) == expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (bound("start_outbound_call", user_id=7, number_id=3, to=PERSON), "+33…34"),
        (bound("delete_contact", contact_id=123456789), "contact …6789"),
        (bound("add_user_to_team", team_id=12, user_id=34), "team 12, user 34"),
        (bound("create_team", name="Support"), ""),
        (
            bound("create_dialer_campaign", user_id=7,
                  phone_numbers=[f"+3319900123{n}" for n in range(5)]),
            "+33…30, +33…31, +33…32 and 2 more",
        ),
    ],
)  # fmt: skip
def test_whom_it_was_meant_for(asked: Any, expected: str) -> None:
    assert _destination(asked) == expected


@pytest.mark.parametrize(
    ("outcome", "status", "expected"),
    [("done", 204, "done (204)"), ("over", 204, "done (204), and over since"), ("over", 0, "over"),
     ("failed", 404, "refused (404), not done"), ("failed", 0, "not done"),
     ("not_sent", 0, "not sent"), ("unknown", 0, "not known whether it was done"),
     ("sent", 0, "under way"), ("pending", 0, "under way")],
)  # fmt: skip
def test_every_outcome_has_its_words(outcome: Any, status: int, expected: str) -> None:
    assert in_words(Intent("a", "create_tag", outcome, 1.0, status)) == expected


def test_today_begins_at_midnight_where_the_person_is() -> None:
    """Thursday, 10:00 UTC."""
    assert start_of(None, THURSDAY, PARIS) == THURSDAY - 11 * 3600
    assert start_of("2h", THURSDAY, PARIS) == THURSDAY - 7200
    assert start_of("1.5h", THURSDAY, PARIS) == THURSDAY - 5400
    assert start_of("30m", THURSDAY, PARIS) == THURSDAY - 1800
    assert start_of("7d", THURSDAY, PARIS) == THURSDAY - 7 * 86_400
    assert start_of("2026-11-19T09:00", THURSDAY, PARIS) == THURSDAY - 7200
    assert start_of("2026-11-19T09:00Z", THURSDAY, PARIS) == THURSDAY - 3600
    for wrong in ("yesterday", "", "-3h", "9" * 400, "2026-13-01"):
        with pytest.raises(ArgumentError):
            start_of(wrong, THURSDAY, PARIS)


def test_a_home_of_the_first_release_tells_what_it_knows(old: Path) -> None:
    """Who asked was not recorded then; the rest was, and the guard goes on."""
    found = told("--since", "2026-11-19T00:00Z")
    assert found
    assert {(one["client"], one["interface"], one["to"]) for one in found} == {("", "", "")}
    assert {one["operation"] for one in found} == {"start_outbound_call"}
    assert "not recorded" in typed("--since", "2026-11-19T00:00Z")


def test_an_older_release_that_is_running_goes_on_with_the_new_file(old: Path) -> None:
    """It reads every column there is of `intent`, and writes those that it knows."""
    told()
    with closing(sqlite3.connect(old / "journal.db")) as database:
        columns = len(database.execute("SELECT * FROM intent").description)
        assert columns == 10
        database.execute(
            "INSERT INTO intent (id, fingerprint, company, operation, outcome, status, boot,"
            " opened, patience, wall) VALUES ('n', 'f', 'c', 'create_tag', 'done', 201, '', 1, 30,"
            " 1795082500)"
        )
        database.commit()
    newest = told("--since", "2026-11-19T00:00Z")[0]
    assert (newest["operation"], newest["outcome"], newest["client"]) == ("create_tag", "done", "")


async def test_with_an_intent_goes_who_asked(home: Path) -> None:
    """Thirty days later neither of the two is there."""
    now = [THURSDAY]
    clock = Clock(lambda: now[0], lambda: now[0])
    journal = Journal(lambda: durable(home / "journal.db", journals.MIGRATIONS), clock=clock)
    for day in (0, 31):
        now[0] = THURSDAY + day * 86_400
        await journal.begin("create_tag", "c", f"{day}", guarded=False, patience=30)
    journal.close()
    with closing(sqlite3.connect(home / "journal.db")) as database:
        intents = database.execute("SELECT id FROM intent").fetchall()
        assert database.execute("SELECT intent FROM asking").fetchall() == intents
        assert len(intents) == 1
