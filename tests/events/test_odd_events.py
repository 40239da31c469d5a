"""What cannot be read says so, and keeps nothing else from being read, whatever reads the log."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aircall_mcp.cli import group
from aircall_mcp.errors import CredentialError
from aircall_mcp.events.envelope import envelope_of
from aircall_mcp.events.event import Arrival
from aircall_mcp.events.forwarding.wording import lines
from aircall_mcp.events.log import EventLog
from aircall_mcp.events.query import Query
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.secrets import Scrubber
from aircall_mcp.offer import Registry
from aircall_mcp.sandbox import Sandbox
from aircall_mcp.vault.mailbox import Mailbox, Sealer, mailbox_of

from ..canaries import CANARIES
from ..forwarding import opened
from ..harness import THURSDAY, Clock
from ..mail import WEBHOOK, call, log_in, mailbox, text, told
from ..vaults import vault_at
from .harness import EventHarness

KEY = CANARIES["vault key"]


def deep(levels: int) -> str:
    return '{"a":' * levels + '"+33199001234"' + "}" * levels


def stored(log: EventLog, home: Path, sealed: list[str], box: Mailbox | None = None) -> None:
    """Events whose bodies are these texts, as earlier versions may have sealed them."""
    log.append([told("call.ended", n) for n in range(1, len(sealed) + 1)])
    sealer = Sealer((box or mailbox()).public)
    with closing(sqlite3.connect(home / "events.db")) as database, database:
        rows: list[tuple[int, bytes]] = database.execute(
            "SELECT sequence, digest FROM event"
        ).fetchall()
        for sequence, digest in rows:
            body = sealer.seal(sealed[sequence - 1].encode(), b"event " + digest)
            database.execute("UPDATE body SET sealed = ? WHERE sequence = ?", (body, sequence))
        database.execute("UPDATE body SET sealed = zeroblob(80) WHERE sequence = 1")


def resource(data: str) -> str:
    return f'{{"resource":"call","data":{data}}}'


OLD = [
    "this one is overwritten with nothing",
    resource(deep(300)),
    resource(deep(900)),
    resource('{"id":4,"cost":Infinity}'),
    resource('{"id":5,"cost":NaN}'),
    resource('{"id":[6],"raw_digits":["+33199001234"],"status":{"a":1}}'),
    resource('{"id":7,"body":"half \\ud83d a letter","\\ud83d":1}'),
    resource("[1]"),
    "no JSON",
]
UNREADABLE = {1, 2, 3, 4, 5, 8, 9}


@pytest.fixture
async def harness(
    home: Path, sandbox: Sandbox, registry: Registry, clock: Clock
) -> AsyncGenerator[EventHarness]:
    made = EventHarness(home, sandbox, registry, clock)
    stored(made.log, home, OLD)
    made.hear(call("ended", 42), text("SM1", "hello"))
    yield made
    await made.desk.aclose()
    made.log.close()


def is_for_everybody(answer: Any) -> str:
    """It can be written as JSON in UTF-8, as every client reads it."""
    return json.dumps(answer, ensure_ascii=False, allow_nan=False).encode().decode()


@pytest.mark.anyio
async def test_what_cannot_be_read_says_so_beside_the_others(harness: EventHarness) -> None:
    answer = await harness.ask("read_events", limit=50)
    written = is_for_everybody(answer)
    events = {event["sequence"]: event for event in answer["data"]["events"]}
    assert len(events) == len(OLD) + 2
    assert {number for number, event in events.items() if "unreadable" in event} == UNREADABLE
    assert events[10]["data"]["contact"]["first_name"] == "Camille"
    assert events[11]["data"]["body"] == "hello"
    assert events[6]["data"]["id"] == [6]
    assert events[7]["data"]["body"].startswith("half ")
    assert any("unreadable" in note for note in answer["notes"])
    assert "Infinity" not in written.replace('cost\\":Infinity', "")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("tool", "asked"),
    [
        ("read_events", {"number": "+33199001234"}),
        ("read_events", {"call_id": 2}),
        ("read_events", {"after": 0, "kinds": ["call.*"]}),
        ("wait_for_event", {"kinds": ["call.ended"], "after": 0, "timeout_seconds": 1}),
        ("wait_for_event", {"kinds": ["message.*"], "after": 0, "timeout_seconds": 1}),
        ("list_messages", {}),
        ("list_messages", {"number": "+33199001234"}),
    ],
)
async def test_every_tool_that_reads_the_log_answers(
    harness: EventHarness, tool: str, asked: dict[str, Any]
) -> None:
    answer = await harness.ask(tool, **asked)
    is_for_everybody(answer)
    assert "error" not in answer


@pytest.mark.anyio
async def test_the_resources_answer_too(harness: EventHarness) -> None:
    for uri in ("aircall://events", "aircall://calls/2", "aircall://calls/6"):
        found = await harness.resources.resource(uri, Caller())
        assert found is not None
        is_for_everybody(found)


@pytest.mark.anyio
async def test_a_text_whose_id_is_a_list_or_an_object_is_a_text(harness: EventHarness) -> None:
    for identity in ([1], {"a": 1}, True, 1.5, None):
        harness.hear(Arrival(WEBHOOK, "message.received", "message", THURSDAY,
                          {"id": identity, "body": f"of {identity}"}))  # fmt: skip
    answer = await harness.ask("list_messages")
    words = [one["data"]["body"] for one in answer["data"]["messages"]]
    assert words[-1] == "hello"
    assert sorted(words[:-1]) == sorted(f"of {one}" for one in ([1], {"a": 1}, True, 1.5, None))


@pytest.mark.anyio
async def test_what_cannot_be_read_keeps_nothing_from_being_passed_on(home: Path) -> None:
    async with opened(home) as forwarding:
        forwarding.destination()
        forwarding.rules.add(["*"], "crm")
        stored(forwarding.log, home, OLD)
        forwarding.log.append([call("ended", 42)])
        await forwarding.settle()
        bodies = [
            json.loads(one.content, parse_constant=pytest.fail) for one in forwarding.receiver.got
        ]
        assert sorted(one["sequence"] for one in bodies) == list(range(1, len(OLD) + 2))
        assert {one["sequence"] for one in bodies if "unreadable" in one} == UNREADABLE
        assert all(rule.failed == rule.waiting == 0 for rule in forwarding.rules.status())


def test_a_line_for_people_can_be_made_of_each(home: Path) -> None:
    log = log_in(home)
    stored(log, home, OLD)
    said = ["\n".join(lines(event, Scrubber().text)) for event in log.read(Query())]
    assert len(said) == len(OLD)
    assert {n for n, one in enumerate(reversed(said), 1) if "\nunreadable: " in one} == UNREADABLE
    assert all(one.encode() for one in said)


def test_a_person_is_erased_from_what_nobody_could_parse(home: Path) -> None:
    log = log_in(home)
    odd = (
        '{"raw_digits": "+33 1 99 00 12 34", "number": {"digits": "+33 1 99 00 10 01"}, "x": 1e400}'
    )
    arrival = envelope_of(f'{{"token": "of the door", "data": {odd}}}'.encode()).read()
    log.append([
        Arrival(WEBHOOK, arrival.kind, "", THURSDAY, arrival.data, "", arrival.unrecognised,
                arrival.raw),
        call("ended", 7, digits="+33 1 99 00 99 99"),
    ])  # fmt: skip
    assert [event.sequence for event in log.read(Query(number="+33199001001"))] == [2, 1]
    assert log.erase("+33199001001") == 0  # the company's own
    assert log.erase("+33199001234") == 1
    assert [event.call_id for event in log.read(Query())] == [7]


def test_a_vault_that_is_shut_is_still_an_error_and_no_row(home: Path) -> None:
    log_in(home).append([call("ended", 1)])
    with pytest.raises(CredentialError):
        log_in(home, shut=True).read(Query())


def test_the_list_is_always_json(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRCALL_MCP_VAULT_KEY", KEY)
    vault = vault_at(home, {"AIRCALL_MCP_VAULT_KEY": KEY})
    vault.create("environment")
    box = mailbox_of(vault, make=True)
    log = log_in(home, box=box)
    stored(log, home, OLD, box)
    log.append([call("ended", 42)])
    log.close()
    result = CliRunner().invoke(group, ["events", "list", "--json"])
    assert result.exit_code == 0, result.output
    events = json.loads(result.stdout, parse_constant=pytest.fail)["events"]
    assert [event["sequence"] for event in events] == list(range(len(OLD) + 1, 0, -1))
    assert {event["sequence"] for event in events if "unreadable" in event} == UNREADABLE
    assert events[-3]["raw"] == OLD[2]
    lines = CliRunner().invoke(group, ["events", "list"]).stdout.splitlines()
    assert len(lines) == len(OLD) + 1
    assert ["unreadable" in one for one in lines[::-1]] == [
        number in UNREADABLE for number in range(1, len(OLD) + 2)]  # fmt: skip


@pytest.mark.parametrize("charset", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_what_a_terminal_has_no_letters_for_is_still_json_and_still_a_list(
    home: Path, monkeypatch: pytest.MonkeyPatch, charset: str
) -> None:
    words = "caf\u00e9 \U0001f600 \u4f60 \u202e\u009b31m"
    monkeypatch.setenv("AIRCALL_MCP_VAULT_KEY", KEY)
    vault = vault_at(home, {"AIRCALL_MCP_VAULT_KEY": KEY})
    vault.create("environment")
    log = log_in(home, box=mailbox_of(vault, make=True))
    log.append([text("SM1", words)])
    log.close()
    runner = CliRunner(charset=charset)
    result = runner.invoke(group, ["events", "list", "--json"])
    assert result.exit_code == 0, result.output
    [event] = json.loads(result.stdout_bytes.decode(charset))["events"]
    assert event["data"]["body"] == "caf\u00e9 \U0001f600 \u4f60 31m"
    result = runner.invoke(group, ["events", "list"])
    assert result.exit_code == 0, result.output
    line = result.stdout_bytes.decode(charset)
    assert "message.received" in line
    assert "\u202e" not in line  # turns the rest of the line around
    assert "\u009b" not in line  # begins an order to a terminal
