"""Kinds of events, as somebody asks for them."""

from __future__ import annotations

import pytest

from aircall_mcp import spec
from aircall_mcp.errors import ArgumentError
from aircall_mcp.events.kinds import GROUPS, KINDS, check_kinds, named, spelled_out


def test_they_are_those_of_the_api_description() -> None:
    described = {name.removeprefix("callback:") for name in spec.document()["webhooks"]}
    assert set(KINDS) == described
    assert len(KINDS) == len(set(KINDS))


def test_those_that_are_known_or_came_pass() -> None:
    check_kinds([*KINDS, *GROUPS, "*"])
    check_kinds([])
    check_kinds(["fax.received", "fax.*"], came=["fax.received"])
    with pytest.raises(ArgumentError):
        check_kinds(["fax.received"])


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        ("cal.*", "Did you mean `call.*`?"),
        ("call.ende", "Did you mean `call.ended`?"),
        ("mesage.received", "Did you mean `message.received`?"),
        ("Call.Ended", "Did you mean `call.ended`?"),
        ("call", "Did you mean `call.*`?"),
        ("call*", "Did you mean `call.*`?"),
        ("call.", "Did you mean `call.*`?"),
        (".*", "Known: call.*, "),
        ("", "Known: call.*, "),
        ("foo", "Known: call.*, "),
        ("x" * 500, "Known: call.*, "),
    ],
)
def test_another_is_refused_with_the_nearest(kind: str, hint: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        check_kinds(["call.ended", kind])
    assert (
        caught.value.message == f"There is no kind of event `{kind if len(kind) <= 60 else '…'}`."
    )
    assert caught.value.hint.startswith(hint)


def test_a_list_is_read_as_a_person_types_it() -> None:
    assert named(" call.ended , message.*,, ") == ["call.ended", "message.*"]
    assert named(None) == named("") == named(" , ") == []


def test_a_webhook_takes_single_kinds_and_none_that_no_webhook_brings() -> None:
    assert spelled_out(["team.*", "call.ended"]) == ["call.ended", "team.created", "team.destroyed"]
    assert spelled_out(["message.*"]) == [
        "message.sent",
        "message.received",
        "message.status_updated",
    ]
    assert spelled_out([]) == []
    with pytest.raises(ArgumentError, match="only for a number in proxy mode"):
        spelled_out(["message.updated"])
