from __future__ import annotations

from pathlib import Path

import pytest

from aircall_mcp.errors import ArgumentError
from aircall_mcp.events.numbers import dialled, numbers_in, subject
from aircall_mcp.events.query import Query

from ..mail import call, log_in, told


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
