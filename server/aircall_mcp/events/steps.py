"""What the list of calls shows of a call: that it began, was answered, ended, left a voicemail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ..ground.operation import PAGE_SIZE
from .event import Arrival

Json = dict[str, Any]

POLLED = ("call.created", "call.answered", "call.hungup", "call.ended", "call.voicemail_left")
"""The events that can be made of that."""


def rows_of(body: Any) -> list[Json]:
    """The calls of one page, without what is none."""
    calls: Any = cast("Json", body).get("calls") if isinstance(body, dict) else None
    listed = cast("list[Any]", calls)[:PAGE_SIZE] if isinstance(calls, list) else []
    known = [cast("Json", one) for one in listed if isinstance(one, dict)]
    return [one for one in known if _is_id(one.get("id"))]


def steps_of(call: Mapping[str, Any]) -> dict[str, float]:
    """What has happened to a call by now, and when, in UNIX seconds; 0 where it does not say."""
    steps = {"call.created": moment(call, "started_at")}
    if call.get("answered_at"):
        steps["call.answered"] = moment(call, "answered_at")
    if is_over(call):
        ended = moment(call, "ended_at")
        steps |= {"call.hungup": ended, "call.ended": ended}
        if isinstance(call.get("voicemail"), str):
            steps["call.voicemail_left"] = ended
    return steps


def is_over(call: Mapping[str, Any]) -> bool:
    return call.get("status") == "done"


def may_leave_word(call: Mapping[str, Any]) -> bool:
    """Whether a voicemail may still come of a call that is over."""
    unanswered = call.get("direction") != "outbound" and not call.get("answered_at")
    return unanswered and not isinstance(call.get("voicemail"), str)


def arrivals_of(account: str, webhook: str, call: Json, told: frozenset[str]) -> list[Arrival]:
    """An event for each step that was not `told`, in the order of happening."""
    return [
        Arrival(webhook, kind, "call", at, call, polled=account)
        for kind, at in steps_of(call).items()
        if kind not in told
    ]


def moment(call: Mapping[str, Any], name: str) -> float:
    at = call.get(name)
    fits = isinstance(at, int | float) and not isinstance(at, bool) and 1e9 <= at <= 4.1e9
    return float(cast("float", at)) if fits else 0.0


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63
