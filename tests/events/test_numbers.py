from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from aircall_mcp.errors import ArgumentError
from aircall_mcp.events.event import Arrival
from aircall_mcp.events.log import EventLog
from aircall_mcp.events.numbers import dialled, numbers_in, sought, subject
from aircall_mcp.events.query import Query
from aircall_mcp.events.tables import MIGRATIONS
from aircall_mcp.storage.sqlite import Database
from aircall_mcp.vault.mailbox import Sealer

from ..connections import lent
from ..harness import THURSDAY
from ..mail import call, log_in, mailbox, text, told


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({"raw_digits": "+1 800-123-4567"}, {"18001234567": True}),
        ({"raw_digits": "anonymous"}, {}),
        ({"number": {"digits": "+33 1 99 00 10 01", "e164_digits": "+33199001001"}},
         {"33199001001": False}),
        ({"participants": ["+33199001234", "+33199001235"]},
         {"33199001234": True, "33199001235": True}),
        ({"participants": [{"phone_number": "+1 800-123-4567", "type": "external"},
                           {"id": 123, "type": "user", "name": "John"}]}, {"18001234567": True}),
        ({"phone_numbers": [{"id": 12345678, "label": "Work", "value": "+33199001234"}]},
         {"33199001234": True}),
        ({"emails": [{"value": "1234567@example.com"}], "comments": [{"content": "12345678"}]}, {}),
    ],
)  # fmt: skip
def test_numbers_are_found_where_aircall_puts_them(
    data: dict[str, object], found: dict[str, bool]
) -> None:
    assert numbers_in(data) == found


def test_ids_that_are_none_are_left_out() -> None:
    assert subject("call.ended", "call", {"id": 2**70})["call_id"] is None
    assert subject("call.ended", "call", {"id": True})["call_id"] is None
    assert subject("call.ended", "call", {"id": "12"})["call_id"] == 12
    assert subject("message.sent", "message", {"id": "SM1", "user": "nobody"})["user_id"] is None


def test_a_number_without_digits_is_refused() -> None:
    with pytest.raises(ArgumentError):
        dialled("call me")


def test_every_number_is_entered_however_many_events_wait_for_it(home: Path) -> None:
    """A thousand are entered at a time, and the last of many is found like the first."""
    log = log_in(home)
    log.append([told("call.ended", n, raw_digits="+442079460999") for n in range(1, 1101)])
    log.append([call("ended", 5000)])
    assert [event.call_id for event in log.read(Query(number="+33199001234"))] == [5000]
    assert log.erase("+442079460999") == 1100
    assert [event.kind for event in log.read(Query())] == ["call.ended"]


SENDERS = ["Vodafone", "N26", "3 Mobile", "DHL-Express", "H&M", "Müller", "24HRFIT"]


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize(
    "key", ["raw_digits", "external_number", "phone_number", "from", "participants"]
)
def test_a_sender_made_of_letters_is_found_where_a_number_would_stand(
    home: Path, key: str, sender: str
) -> None:
    log = log_in(home)
    where = [sender] if key == "participants" else sender
    log.append([
        Arrival("front-door", "message.received", "message", THURSDAY, {"id": "SM1", key: where}),
        text("SM2", "something else"),
    ])  # fmt: skip
    for spelled in (sender, sender.upper(), sender.lower(), f" {sender} "):
        assert [event.sequence for event in log.read(Query(number=spelled))] == [1]
    assert [event.sequence for event in log.read(Query(number="+33199001234"))] == [2]
    assert log.erase(sender) == 1
    assert [event.sequence for event in log.read(Query())] == [2]


def test_what_is_said_elsewhere_is_no_sender() -> None:
    data = {"body": "Vodafone", "contact": {"first_name": "Vodafone", "name": "Vodafone"},
            "number": {"name": "Vodafone", "digits": "Vodafone"}, "raw_digits": "Anonymous",
            "participants": [{"type": "external", "name": "Vodafone"}], "status": "sent",
            "phone_numbers": [{"label": "Work", "value": "+33199001234"}]}  # fmt: skip
    assert numbers_in(data) == {"33199001234": True}


@pytest.mark.parametrize("none", ["", "  ", "+", "anonymous", "a text of many words", "..."])
def test_what_is_neither_a_number_nor_a_sender_is_refused(none: str) -> None:
    with pytest.raises(ArgumentError) as refused:
        sought(none)
    assert "letters" in refused.value.hint


def test_a_number_with_words_around_it_is_a_number_as_before() -> None:
    assert sought("tel:+33 1 99 00 12 34") == sought("0033199001234") == "33199001234"


def test_texts_that_were_looked_through_before_are_looked_through_again(home: Path) -> None:
    """A log in which an earlier version had entered all numbers, and no sender made of letters."""
    box = mailbox()

    def opened(steps: int) -> EventLog:
        store = Database(home / "events.db", MIGRATIONS[:steps], durability="vault")
        return lent(EventLog(store, sealer=Sealer, mailbox=lambda: box))

    current = opened(len(MIGRATIONS))
    current.install(box.public)
    current.append([call("ended", 1), text("SM1", "hello", digits="Vodafone"), call("ended", 2)])
    current.enter_numbers()
    current.close()
    with closing(sqlite3.connect(home / "events.db")) as database, database:
        database.execute("DELETE FROM party WHERE sequence = 2")
        database.execute("DELETE FROM migration WHERE number >= 5")
        for later in ("polled", "polled_call"):
            database.execute(f"DROP TABLE {later}")
    again = opened(len(MIGRATIONS))
    assert [event.sequence for event in again.read(Query(number="vodafone"))] == [2]
    assert [event.sequence for event in again.read(Query(number="+33199001234"))] == [3, 1]
    again.close()
