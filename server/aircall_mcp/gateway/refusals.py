"""All words for what went wrong, and which error says them.

Aircall's two error layers (the edge's `{"message"}`, the application's `{"error", "troubleshoot"}`)
become our errors; each has a hint with the next step.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from ..errors import (
    AircallMCPError,
    ArgumentError,
    BudgetExhausted,
    NotAllowed,
    OutcomeUnknown,
    Refused,
    ToolError,
    Unreachable,
)
from ..ground.operation import Allowance, Bound, Operation
from .body import LESS
from .journal import GUARD, Intent
from .limits import pause_of
from .request import Answered, Attempt, Lost
from .retries import PASSING


def not_allowed(bound: Bound, lacking: Iterable[Allowance], loopback: str = "") -> NotAllowed:
    """The owner does not allow what is `lacking`. `loopback` is the address of this machine at
    which no sandbox proved itself, if it is one."""
    lacking = list(lacking)
    because: dict[Allowance, str] = {word: f" ({why})" for word, why in bound.stakes.items()}
    does = " and ".join(_DOES[word] + because.get(word, "") for word in lacking)
    hint = f"The owner can start the server with --allow {','.join(lacking)}."
    if loopback:
        hint += (
            f" {loopback} is taken for the real host: no sandbox that this user started"
            " listens there itself (`aircall-mcp sandbox` prints its address)."
        )
    return NotAllowed(
        f"{bound.operation.tool} {does}; the owner of this server does not allow that.",
        hint=f"{hint} It works in the sandbox (--sandbox).",
    )


def too_long() -> ArgumentError:
    return ArgumentError(
        "The arguments are too long for one request.",
        hint="Ask for less at once, such as fewer tags.",
    )


def too_much(*, large: bool) -> str:
    """The hint for an answer that is not read to its end: it is `large`, or of a strange form."""
    if large:
        return LESS
    return "Something on the way may have made it so; a person checks AIRCALL_MCP_BASE_URL."


def error_of(
    operation: Operation, attempt: Attempt, scrub: Callable[[str], str], now: float
) -> AircallMCPError:
    """The error of an attempt that did not go well. `scrub` masks secrets in Aircall's words; `now`
    is UNIX seconds, for a pause that is said as a moment."""
    if not isinstance(attempt, Answered):
        if isinstance(attempt, Lost) and operation.repeatable != "safe":
            return unknown(operation, attempt.words)
        hint = attempt.hint or "Nothing was changed. Try again in a moment."
        return Unreachable(attempt.words, hint=hint)
    status, body = attempt.status, attempt.body
    if status == 429:
        return BudgetExhausted(
            "Aircall's request limit for this company is used up.",
            retry_after=pause_of(attempt.headers, now),
            hint="Wait that long; all keys and integrations of a company share one limit.",
        )
    lost = status in PASSING and operation.repeatable != "safe"
    if lost or (status >= 500 and operation.repeatable == "never"):
        return unknown(operation, f"Aircall answered {status}.")
    words = scrub(_words_of(body))
    said = f" Aircall says: {words}" if words else ""
    return Refused(
        f"Aircall refused {operation.tool} ({status}).{said}",
        status=status,
        hint=_hint(operation, status, body),
    )


_DOES: Mapping[Allowance, str] = {
    "read": "reads",
    "write": "changes things at Aircall",
    "reach": "reaches real people or costs money",
    "delete": "deletes for good",
    "exposes": "lets the company's words out",
    "administers": "decides who may do what, what callers hear or whether they get through",
}


def unknown(operation: Operation, message: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{message} Whether {operation.tool} took effect is not known.",
        hint=_what_to_look_at(operation),
    )


def _what_to_look_at(operation: Operation) -> str:
    if operation.effect == "reach":
        what = "list the newest calls, or this contact's messages, to see whether it happened."
    else:
        what = "read the object back to see whether it changed."
    return f"Look before trying again: {what}"


def repeated(operation: Operation, earlier: Intent) -> ToolError:
    """The same effect again, too soon. There is no argument that makes it happen."""
    ago = f"{max(1, round(earlier.age))} s ago"
    if earlier.outcome == "done":
        return NotAllowed(
            f"{operation.tool} was done with exactly these arguments {ago}"
            f" ({earlier.status}); it was not sent again.",
            hint="That one stands. Repeating it on purpose is possible"
            f" {_when(operation)} {GUARD:.0f} s after it.",
        )
    if earlier.outcome == "unknown":
        return OutcomeUnknown(
            f"{operation.tool} was sent with exactly these arguments {ago}, and whether it took"
            " effect is not known; it was not sent again.",
            hint=_what_to_look_at(operation),
        )
    return OutcomeUnknown(
        f"{operation.tool} with exactly these arguments is under way since {ago}; it was not sent"
        " again.",
        hint="Wait for its answer, or look in half a minute whether it took effect.",
    )


def _when(operation: Operation) -> str:
    rule = operation.read_back
    return "once it is over, or" if rule is not None and rule.over else "from"


def _at_the_edge(body: Any) -> bool:
    """Whether an error is of what stands before Aircall's application."""
    return isinstance(body, Mapping) and "message" in body and "error" not in body


def missing(answered: Answered) -> bool:
    """Whether Aircall's application itself says that there is no such thing: what stands before it,
    and whatever else is on the way, answers 404 for its own reasons."""
    body = answered.body
    return answered.status == 404 and isinstance(body, Mapping) and "error" in body


def _words_of(body: Any) -> str:
    """What Aircall wrote, from either error layer, at most 500 characters."""
    if not isinstance(body, Mapping):
        return ""
    body = cast("Mapping[str, Any]", body)
    parts = [body.get("troubleshoot") or body.get("message") or body.get("error")]
    if isinstance(body.get("errors"), Mapping | list):
        parts.append(json.dumps(body["errors"], ensure_ascii=False))
    return " ".join(str(part) for part in parts if part)[:500]


def _hint(operation: Operation, status: int, body: Any) -> str:
    at_the_edge = _at_the_edge(body)
    if status in (401, 403):
        if operation.add_on and not at_the_edge:
            return f"This needs the {operation.add_on} add-on on the Aircall account."
        add_on = f", or the {operation.add_on} add-on is missing" if operation.add_on else ""
        return (
            f"The API key or token is wrong or was withdrawn{add_on}."
            " A person can check it with `aircall-mcp doctor`."
        )
    if status == 404:
        if at_the_edge:
            return "Aircall has no such route any more; another operation may do it."
        if operation.add_on:
            return (
                "No such call, or nothing was generated for it: calls that were not recorded, or"
                " ended a moment ago, have none."
            )
        return "No such id for this account. Look it up with the list or search operation first."
    if status == 405:
        return (
            "The state does not allow it now: the user may be unavailable, in a call or without"
            " the desktop app, or recording is off. Check the user's availability first."
        )
    if 300 <= status < 400:
        return "It was sent elsewhere, which is not followed; a person checks AIRCALL_MCP_BASE_URL."
    if status in (400, 422):
        return "Aircall did not accept the values; its words say which."
    if status == 409:
        return "This idempotency_key was used before; the first request stands."
    return "Aircall has a fault of its own; try again later. https://status.aircall.com tells more."
