"""All words for what went wrong at Aircall, and the error class for each.

Aircall's two error layers (the edge's `{"message"}`, the application's `{"error", "troubleshoot"}`)
become our errors; each has a hint with the next step.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, cast

from ..errors import (
    AircallMCPError,
    ArgumentError,
    BudgetExhausted,
    Duplicate,
    NotAllowed,
    OutcomeUnknown,
    Refused,
    ToolError,
    TooMuch,
    Unreachable,
)
from ..ground.operation import Allowance, Bound, Operation
from ..ground.secrets import Scrub, cut
from .body import LESS
from .journal import GUARD, Intent
from .limits import pause_of
from .request import Answered, Attempt, Lost
from .retries import PASSING

LONGEST_WORDS = 500
"""Characters of what Aircall says in an error."""


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


def error_of(operation: Operation, attempt: Attempt, scrub: Scrub, now: float) -> AircallMCPError:
    """The error of an attempt that did not go well. `scrub` masks secrets in Aircall's words; `now`
    is UNIX seconds, for a pause that is said as a moment."""
    if not isinstance(attempt, Answered):
        if isinstance(attempt, Lost) and operation.repeatable != "safe":
            return unknown(operation, attempt.words)
        if attempt.hint == LESS:
            return TooMuch(attempt.words, hint=LESS)
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
    words = cut(scrub(_words_of(body)), LONGEST_WORDS, "…")
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
    how = "with exactly these arguments"
    if not earlier.exact:
        how = f"to the same effect on the same people (aircall_{earlier.operation})"
    if earlier.outcome == "done":
        return Duplicate(
            f"{operation.tool} was done {how} {ago} ({earlier.status}); it was not sent again.",
            hint=f"That one stands. {_on_purpose(operation, earlier)}",
        )
    if earlier.outcome == "unknown":
        return OutcomeUnknown(
            f"{operation.tool} was sent {how} {ago}, and whether it took effect is not known;"
            " it was not sent again.",
            hint=_what_to_look_at(operation),
        )
    return Duplicate(
        f"{operation.tool} {how} is under way since {ago}; it was not sent again.",
        hint="Wait for its answer, or look in half a minute whether it took effect."
        f" {_on_purpose(operation, earlier)}",
    )


def _on_purpose(operation: Operation, earlier: Intent) -> str:
    """How a person who means it twice gets it; no argument does that."""
    left = max(1, math.ceil(GUARD - earlier.age))
    rule = operation.read_back
    over = ", or once it is over" if earlier.exact and rule is not None and rule.over else ""
    return (
        "Another spelling, key, sender or idempotency_key makes it no other. A person who means it"
        f" twice asks again in {left} s{over}, or does it in Aircall's own app now."
    )


def _by_the_application(body: Any) -> bool:
    """Whether Aircall's application answered itself: what stands before it, and whatever else is on
    the way, has other words."""
    return isinstance(body, Mapping) and "error" in body


def missing(answered: Answered) -> bool:
    """Whether Aircall's application itself says that there is no such thing: others answer 404 for
    their own reasons."""
    return answered.status == 404 and _by_the_application(answered.body)


def hollow(operation: Operation, answered: Answered) -> bool:
    """Whether an effect is said to have gone well by an answer with nothing in it, though Aircall
    always tells what it made: whatever is on the way says as much. A 204 means to be empty."""
    if operation.repeatable == "safe" or answered.status == 204:
        return False
    body: Any = answered.body
    return operation.answer.filled and not (isinstance(body, Mapping) and body)


def _words_of(body: Any) -> str:
    """What Aircall wrote, from either error layer."""
    if not isinstance(body, Mapping):
        return ""
    body = cast("Mapping[str, Any]", body)
    parts = [body.get("troubleshoot") or body.get("message") or body.get("error")]
    if isinstance(body.get("errors"), Mapping | list):
        parts.append(json.dumps(body["errors"], ensure_ascii=False))
    return " ".join(str(part) for part in parts if part)


def _hint(operation: Operation, status: int, body: Any) -> str:
    """Whose fault it is, and the next step."""
    inside = _by_the_application(body)
    match status:
        case 401:
            return _bad_key(operation)
        case 403:
            return _not_included(operation) if inside else _bad_key(operation)
        case 402:
            return _not_included(operation)
        case 404:
            return _not_there(operation) if inside else _no_route(operation)
        case 405 if inside:
            return (
                "The state does not allow it now: the user may be unavailable, in a call or without"
                " the desktop app, or recording is off. Check the user's availability first."
            )
        case 405:
            return _no_route(operation)
        case 409 if "idempotency_key" in operation.input_schema["properties"]:
            return "This idempotency_key was used before; the first request stands."
        case 409:
            return "It is at odds with what already exists. Read that first."
        case 410:
            return _gone(operation)
        case 406 | 411 | 415:
            return (
                "Aircall does not take the form in which this server writes: a fault of the server,"
                " not of the arguments or the key. Trying again changes nothing; tell its owner."
            )
        case 413 | 414 | 431:
            return "That is more than Aircall takes at once. Ask for less, in several calls."
        case 451:
            return (
                "Aircall may not do or give this for legal reasons. No other key, argument or time"
                " changes that; a person asks Aircall's support."
            )
        case 400 | 422:
            return "Aircall did not accept the values; its words say which."
        case _ if 300 <= status < 400:
            return (
                "It was sent elsewhere, which is not followed; a person checks"
                " AIRCALL_MCP_BASE_URL."
            )
        case _ if status < 500:
            return "Aircall does not take this request, and would not the next time; see its words."
        case _:
            return (
                "Aircall has a fault of its own; try again later. See https://status.aircall.com."
            )


def _bad_key(operation: Operation) -> str:
    add_on = f", or the {operation.add_on} add-on is missing" if operation.add_on else ""
    return (
        f"The API key or token is wrong or was withdrawn{add_on}."
        " A person can check it with `aircall-mcp doctor`."
    )


def _not_included(operation: Operation) -> str:
    """Aircall knows the key, and says no to the company."""
    if operation.add_on:
        return f"This needs the {operation.add_on} add-on on the Aircall account."
    return (
        "Aircall took the key and still says no: the plan or a setting of the company leaves this"
        " out. Whoever administers Aircall there can change it."
    )


def _not_there(operation: Operation) -> str:
    """What a path names may be there, and only its state is another than was asked for."""
    what = operation.answer.missing or "No such id for this account."
    if "{" not in operation.path:
        return f"{what} A person can look with `aircall-mcp doctor`."
    by = "the list or search operation"
    if operation.needs_first:
        by = " or ".join(f"aircall_{name}" for name in operation.needs_first)
    return f"{what} Look it up with {by} first."


def _no_route(operation: Operation) -> str:
    return f"Aircall has no such route any more; {_instead(operation)}"


def _gone(operation: Operation) -> str:
    return f"It was there and is gone for good, or its route was withdrawn; {_instead(operation)}"


def _instead(operation: Operation) -> str:
    if operation.retired and operation.retired.replacement:
        return f"aircall_{operation.retired.replacement} has taken its place."
    return "another operation may do it."
