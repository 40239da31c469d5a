from __future__ import annotations

import asyncio
import base64
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from aircall_mcp.errors import CredentialError, StoreError
from aircall_mcp.events.event import matches
from aircall_mcp.events.log import DAMAGED, EventLog
from aircall_mcp.events.query import Query
from aircall_mcp.events.receiver import webhook_for
from aircall_mcp.events.retention import Retention
from aircall_mcp.events.tables import MIGRATIONS
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.storage.sqlite import Database
from aircall_mcp.storage.store import Migration
from aircall_mcp.vault.mailbox import Mailbox, Sealer

from ..connections import lent
from ..harness import THURSDAY, Clock
from ..mail import call, log_in, mailbox, text, told

DAY = 86_400.0


def plain(home: Path, steps: Sequence[Migration]) -> EventLog:
    """A log that is not set up."""
    return lent(EventLog(Database(home / "events.db", steps, durability="vault"), sealer=Sealer))


def kinds_of(log: EventLog, query: Query) -> list[str]:
    return [event.kind for event in log.read(query)]


def test_what_was_told_is_read_back_as_it_was(home: Path) -> None:
    log = log_in(home)
    one = call("ended", 42)
    assert log.append([one]) == [True]
    [event] = log.read(Query())
    assert (event.sequence, event.kind, event.built, event.call_id) == (
        1,
        "call.ended",
        THURSDAY,
        42,
    )
    assert event.data == one.data
    assert log.get(1) == event
    assert log.get(2) is None


def test_repetitions_are_kept_once_within_a_commit_and_across(home: Path) -> None:
    log = log_in(home)
    one, other = call("ended", 1), call("ended", 2)
    assert log.append([one, other, one]) == [True, True, False]
    assert log.append([other]) == [False]
    assert log.latest() == 2


def test_another_timestamp_resource_or_webhook_is_another_event(home: Path) -> None:
    log = log_in(home)
    one = call("ended", 1)
    others = [replace(one, built=THURSDAY + 1), replace(one, webhook="b"), call("answered", 1)]
    assert log.append([one, *others]) == [True] * 4


def test_a_log_without_the_vault_takes_in_and_tells_nothing(home: Path) -> None:
    log = log_in(home, shut=True)
    assert log.append([call("ended", 1)]) == [True]
    assert log.latest() == 1
    with pytest.raises(CredentialError):
        log.read(Query())


def test_the_file_holds_no_number_name_or_word(home: Path) -> None:
    log = log_in(home)
    log.append([call("ended", 1), text("SM1", "see you on Thursday")])
    log.enter_numbers()
    log.close()
    content = (home / "events.db").read_bytes()
    for word in (b"Camille", b"Thursday", b"33199001234", b"33 1 99 00 12 34", b"Paris"):
        assert word not in content


def test_another_vault_does_not_take_over_a_log(home: Path) -> None:
    log = log_in(home)
    with pytest.raises(StoreError, match="another vault"):
        log.install(b"x" * 32)
    log.install(mailbox().public)


def test_each_event_is_bound_to_its_place(home: Path) -> None:
    log = log_in(home)
    log.append([call("ended", 1), call("ended", 2)])
    log.close()
    with closing(sqlite3.connect(home / "events.db")) as database, database:
        rows = dict(database.execute("SELECT sequence, sealed FROM body"))
        database.execute("UPDATE body SET sealed = ? WHERE sequence = 1", (rows[2],))
    database.close()
    two, one = log.read(Query())
    assert (one.call_id, one.unreadable, one.data, one.raw) == (1, DAMAGED, {}, "")
    assert (two.call_id, two.unreadable, two.data["id"]) == (2, "", 2)


def test_events_are_found_by_all_they_are_about(home: Path) -> None:
    log = log_in(home)
    log.append(
        [
            call("created", 1, digits="+44 20 7946 0999"),
            call("ended", 2),
            text("SM1", "hello"),
            told("user.opened", 7),
            told("contact.updated", 11, phone_numbers=[{"value": "+49 30 23125 777"}]),
            told("transcription.created", 900, call_id=2),
            told("user.wut_end.v2", 7, last_call_id=2),
        ]
    )
    assert kinds_of(log, Query(call_id=2)) == [
        "user.wut_end.v2", "transcription.created", "call.ended"]  # fmt: skip
    assert kinds_of(log, Query(user_id=7, kinds=["user.*"])) == ["user.wut_end.v2", "user.opened"]
    assert kinds_of(log, Query(contact_id=11, kinds=["contact.updated"])) == ["contact.updated"]
    assert kinds_of(log, Query(number_id=3, kinds=["call.*"])) == ["call.ended", "call.created"]
    assert kinds_of(log, Query(number="+33 1 99 00 12 34")) == ["message.received", "call.ended"]
    assert kinds_of(log, Query(number="0033199001234")) == ["message.received", "call.ended"]
    assert kinds_of(log, Query(number="+493023125777")) == ["contact.updated"]
    assert kinds_of(log, Query(number="+33199001001")) == [
        "message.received", "call.ended", "call.created"]  # fmt: skip
    assert kinds_of(log, Query(messages=True)) == ["message.received"]
    assert kinds_of(log, Query(kinds=["nothing.*"])) == []


def test_a_cursor_leads_through_all_events_once_in_either_direction(home: Path) -> None:
    log = log_in(home)
    log.append([call("ended", n) for n in range(1, 24)])
    seen: list[int] = []
    after = 0
    while page := log.read(Query(after=after, limit=5)):
        seen += [event.sequence for event in page]
        after = page[-1].sequence
    assert seen == list(range(1, 24))
    back: list[int] = []
    before = None
    while page := log.read(Query(before=before, limit=5)):
        back += [event.sequence for event in page]
        before = page[-1].sequence
    assert back == seen[::-1]


def test_a_window_of_time_goes_by_when_it_happened(home: Path) -> None:
    clock = Clock()
    log = log_in(home, clock)
    for hour in range(6):
        clock.now = THURSDAY + 3600 * hour
        log.append([call("ended", hour + 1, at=clock.now)])
    clock.now += 60
    log.append([call("ended", 99, at=THURSDAY + 3600)])  # a late one
    window = Query(since=THURSDAY + 3600, until=THURSDAY + 2 * 3600)
    assert [event.call_id for event in log.read(window)] == [99, 3, 2]


def test_old_events_go_and_messages_stay_until_told_otherwise(home: Path) -> None:
    clock = Clock()
    log = log_in(home, clock)
    log.append([call("ended", 1), text("SM1", "hello")])
    clock.pass_by(31 * DAY)
    assert log.prune(Retention(days=30)) == 1
    assert kinds_of(log, Query()) == ["message.received"]
    assert log.get(1) is None  # and not the next one in its place
    kept = log.get(2)
    assert kept is not None
    assert kept.kind == "message.received"
    assert log.prune(Retention(days=30, message_days=20)) == 1
    assert log.read(Query()) == []


def test_the_cap_on_size_holds_under_a_steady_load(home: Path) -> None:
    cap = 2 * 2**20
    log = log_in(home)
    log.append([text(f"SM{n}", "kept") for n in range(50)])
    for batch in range(40):
        log.append([told("call.ended", 100 * batch + n, padding="x" * 1600) for n in range(1, 101)])
        while log.prune(Retention(largest=cap)):
            pass
        assert log.used() <= cap
    assert (home / "events.db").stat().st_size <= cap * 1.25
    assert len(log.read(Query(messages=True, limit=100))) == 50
    newest = log.read(Query(kinds=["call.*"], limit=1))[0]
    assert newest.data["id"] == 4000


def test_a_pruned_event_does_not_come_back_by_a_late_repetition(home: Path) -> None:
    clock = Clock()
    log = log_in(home, clock)
    one = call("ended", 1)
    log.append([one])
    clock.pass_by(2 * DAY)
    log.prune(Retention(days=1))
    assert log.append([one]) == [False]
    clock.pass_by(8 * DAY)
    log.prune(Retention(days=1))
    assert log.append([one]) == [True]


def test_a_sequence_is_never_used_again(home: Path) -> None:
    clock = Clock()
    log = log_in(home, clock)
    log.append([call("ended", 1)])
    clock.pass_by(2 * DAY)
    log.prune(Retention(days=1))
    log.append([call("ended", 2)])
    assert log.latest() == 2


def test_a_person_can_be_erased_with_their_calls_and_everybody_else_stays(home: Path) -> None:
    log = log_in(home)
    other = "+44 20 7946 0999"
    stays = told("call.ended", 8, raw_digits=other)
    log.append(
        [
            call("created", 5),
            told("transcription.created", 900, call_id=5, content="my address is"),
            text("SM1", "hello", digits="+33199001234"),
            told("contact.updated", 11, first_name="Camille"),
            stays,
            text("SM2", "bye", digits=other),
        ]
    )
    assert log.erase("+33 1 99 00 12 34") == 4
    assert kinds_of(log, Query()) == ["message.received", "call.ended"]
    assert log.erase("+33199001234") == 0
    assert log.append([call("created", 5)]) == [False]


def test_the_company_s_own_line_is_nobody_to_erase(home: Path) -> None:
    log = log_in(home)
    log.append([call("ended", 1), text("SM1", "hello")])
    assert log.erase("+33199001001") == 0
    assert log.latest() == 2


@pytest.mark.anyio
async def test_somebody_who_waits_hears_of_what_another_connection_appends(home: Path) -> None:
    reader, writer = log_in(home), log_in(home)
    waiting = asyncio.create_task(reader.beyond(0))
    await asyncio.sleep(0)
    writer.append([call("ended", 1)])
    async with asyncio.timeout(5):
        assert await waiting == 1


def test_call_ids_complete_newest_first(home: Path) -> None:
    log = log_in(home)
    log.append([call("created", 4211), call("created", 77), call("created", 4299)])
    log.append([call("ended", 4211)])
    assert log.call_ids("") == [4211, 4299, 77]
    assert log.call_ids("42") == [4211, 4299]


def test_events_are_told_apart_by_account_also_when_their_webhook_is_gone(home: Path) -> None:
    log = log_in(home)
    for account in ("lyon", "paris"):
        log.webhooks.open(
            webhook_for(account, account.encode(), account=account, aircall_id="u", url="",
                     kinds=(), now=1)
        )  # fmt: skip
    log.append(
        [
            call("created", 1),
            told("call.ended", 2, webhook="lyon", raw_digits="+33199001234"),
            told("call.ended", 3, webhook="paris", raw_digits="+33199001234"),
        ]
    )
    assert log.webhooks.shut("lyon")
    assert not log.webhooks.shut("lyon")
    assert "lyon" not in {webhook.name for webhook in log.webhooks.active()}
    for query in (
        Query(account="lyon"),
        Query(account="lyon", after=0),
        Query(account="lyon", kinds=["call.*"]),
        Query(account="lyon", number="+33199001234"),
        Query(account="lyon", call_id=2),
        Query(account="lyon", since=THURSDAY - 60, until=THURSDAY + 60),
    ):
        assert [event.call_id for event in log.read(query)] == [2]
    assert log.read(Query(account="lyon", call_id=3)) == []
    assert log.read(Query(account="nice")) == []
    assert len(log.read(Query())) == 3
    assert log.call_ids("", account="paris") == [3]
    assert log.since(0, account="paris") == (True, [3])


def test_a_log_from_before_webhooks_could_be_shut_is_brought_along(home: Path) -> None:
    older = plain(home, MIGRATIONS[:1])
    older.install(mailbox().public)
    older.close()
    with closing(sqlite3.connect(home / "events.db")) as database, database:
        database.execute("INSERT INTO door VALUES ('old', 'lyon', 'u', x'00', '', '[]', 1)")
    log = plain(home, MIGRATIONS)
    assert [(webhook.name, webhook.account) for webhook in log.webhooks.active()] == [
        ("old", "lyon")
    ]


def test_a_log_that_was_never_made_is_empty(home: Path) -> None:
    log = plain(home, MIGRATIONS)
    assert (log.latest(), log.read(Query()), log.webhooks.active(), log.used()) == (0, [], [], 0)
    assert not (home / "events.db").exists()
    with pytest.raises(StoreError, match="not set up"):
        log.append([call("ended", 1)])


@pytest.mark.parametrize(
    ("kind", "wanted", "yes"),
    [
        ("call.ended", ["call.ended"], True),
        ("call.ended", ["call.*"], True),
        ("caller.ended", ["call.*"], False),
        ("call.ended", ["*"], True),
        ("call.ended", ["message.*"], False),
    ],
)
def test_kinds_match_by_name_or_by_family(kind: str, wanted: list[str], yes: bool) -> None:
    assert matches(kind, wanted) is yes


def test_the_mailbox_of_another_vault_opens_nothing(home: Path) -> None:
    """It is refused by name: bodies it cannot open would look damaged, and its marks find nobody,
    so that somebody who asked to be erased would stay."""
    log_in(home).append([call("ended", 1)])
    other = Mailbox(Secret(base64.b64encode(bytes(range(1, 33))).decode()))
    store = Database(home / "events.db", MIGRATIONS, durability="vault")
    log = lent(EventLog(store, sealer=Sealer, mailbox=lambda: other, clock=Clock().handed()))
    for work in (
        lambda: log.read(Query()),
        lambda: log.read(Query(number="+33199001234")),
        lambda: log.erase("+33199001234"),
    ):
        with pytest.raises(CredentialError, match="not in this vault") as refusal:
            work()
        assert "webhooks register" in refusal.value.hint
    assert kinds_of(log_in(home), Query(number="+33199001234")) == ["call.ended"]


def test_an_event_of_this_week_outlives_thirty_days_of_keeping(home: Path) -> None:
    clock = Clock()
    log = log_in(home, clock)
    log.append([call("ended", 1), text("SM1", "hello")])
    clock.pass_by(30 * DAY)
    assert log.prune(Retention(days=30, message_days=30)) == 0
    clock.pass_by(1)
    assert log.prune(Retention(days=30, message_days=30)) == 2


def test_what_is_told_after_a_cursor_does_not_hold_what_stood_there(home: Path) -> None:
    log = log_in(home)
    log.append([call("created", 4), call("ended", 5)])
    assert log.since(1) == (True, [5])
    assert log.since(2) == (False, [])


def test_a_window_of_time_holds_what_arrived_minutes_and_hours_late(home: Path) -> None:
    clock = Clock()
    log = log_in(home, clock)
    for number, late in enumerate((0, 299, 301, 3600, 25 * 3600), start=1):
        clock.now = THURSDAY + late
        log.append([call("ended", number)])  # all of them happened on Thursday at ten
        log.append([call("ended", 100 + number, at=clock.now + 1)])
    window = Query(since=THURSDAY, until=THURSDAY, limit=100)
    assert [event.call_id for event in log.read(window)] == [5, 4, 3, 2, 1]


def test_a_window_of_time_holds_what_arrived_before_it_happened(home: Path) -> None:
    """By a clock that is a little behind Aircall's."""
    clock = Clock(THURSDAY - 240)
    log = log_in(home, clock)
    log.append([call("ended", 1)])
    assert len(log.read(Query(since=THURSDAY, until=THURSDAY + 60))) == 1
