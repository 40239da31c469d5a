"""Which events are asked for, and the SQL that finds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..storage.store import Transaction
from . import webhooks
from .event import is_message, matches
from .tables import counter

Json = dict[str, Any]

_SLACK = 300.0
_MOST_NAMES = 100
"""Kinds of which each is walked through by itself; whoever knows a token can make up as many as
they like, and no database joins any number of walks."""
_LATEST = 26 * 3600.0
"""Seconds after which an event can no longer arrive."""

OF_ACCOUNT = """(:account IS NULL
    OR webhook IN (SELECT webhook FROM door WHERE account = :account))"""


@dataclass(frozen=True, slots=True)
class Query:
    """Which events. `kinds` may end in `.*`; `since` and `until` are UNIX seconds, inclusive.

    With `after` the oldest come first, from behind that sequence; else the newest, before `before`.
    `number` is anybody's phone number, the company's own included. With `account`, only what came
    in by its webhooks, those that are gone included.
    """

    kinds: Sequence[str] = ()
    call_id: int | None = None
    user_id: int | None = None
    number_id: int | None = None
    contact_id: int | None = None
    number: str | None = None
    account: str | None = None
    since: float | None = None
    until: float | None = None
    messages: bool = False
    after: int | None = None
    before: int | None = None
    limit: int = 50


_COLUMNS = (
    "sequence, webhook, kind, built, received, call_id, digest,"
    f" {webhooks.UNTRUSTED}, {webhooks.WHOSE}"
)


def selected(tx: Transaction, query: Query, mark: bytes | None) -> list[tuple[Any, ...]]:
    """Each way in walks one index in the order of the answer, so that a page costs a page."""
    where, values = _conditions(tx, query)
    kinds = _kinds(tx, query)
    order = "ASC" if query.after is not None else "DESC"
    values["limit"] = query.limit
    among = ""
    if kinds is not None and len(kinds) > _MOST_NAMES:
        among, kinds = _wanted(tx, query, values), None
    elif kinds is not None:
        kind = tx.unindexed("kind")
        among = f"{kind} IN ({_names(kinds, values)})" if kinds else "1 = 0"
    narrow = mark is not None or query.call_id is not None or query.contact_id is not None
    parts: list[str] = []
    for span, late in _spans(tx, query, values, narrow=narrow):
        if kinds is None or narrow or late:
            source = "event"
            also = [among] if among else []
            if mark is not None:
                source, values["mark"] = "party CROSS JOIN event USING (sequence)", mark
                also.append("mark = :mark")
            parts.append(_part(source, [*where, *span, *also], order))
        else:
            each = (f"kind = :kind{number}" for number in range(len(kinds)))
            parts += [_part("event", [*where, *span, kind], order) for kind in each]
    if not parts:
        return []
    union = " UNION ALL ".join(f"SELECT * FROM ({part})" for part in parts)  # noqa: S608 - our own names
    sql = f"""SELECT {_COLUMNS}, sealed
              FROM (SELECT * FROM ({union}) ORDER BY sequence {order} LIMIT :limit) AS chosen
              JOIN event USING (sequence) JOIN body USING (sequence)
              ORDER BY sequence {order}"""  # noqa: S608 - as above
    return tx.all(sql, **values)


def _part(source: str, where: Sequence[str], order: str) -> str:
    conditions = " AND ".join(where) or "1 = 1"
    return f"""SELECT sequence FROM {source} WHERE {conditions}
               ORDER BY sequence {order} LIMIT :limit"""  # noqa: S608 - our own names


def _conditions(tx: Transaction, query: Query) -> tuple[list[str], Json]:
    where: list[str] = []
    values: Json = {}
    for name in ("call_id", "contact_id", "user_id", "number_id"):
        value = getattr(query, name)
        if value is not None:
            # One of them leads; the others must not tempt the planner away from its order.
            where.append(f"{tx.unindexed(name) if values else name} = :{name}")
            values[name] = value
    if query.account is not None:
        where.append(OF_ACCOUNT)
        values["account"] = query.account
    if query.messages:
        where.append(f"{tx.unindexed('message')} = 1")
    if query.since is not None:
        where.append("built >= :since")
        values["since"] = query.since
    if query.until is not None:
        where.append("built <= :until")
        values["until"] = query.until
    return where, values


def _spans(
    tx: Transaction, query: Query, values: Json, *, narrow: bool
) -> list[tuple[list[str], bool]]:
    """The sequences to walk through, and whether only among those that came late.

    Times select by when it happened, sequences are in the order of arrival: most events arrive
    within minutes, so a window of time is a short span of them and a few late ones behind it.
    """
    low, high = query.after, query.before
    if query.since is not None:
        first = _edge(tx, "received >= :at", "ASC", query.since - _SLACK)
        low = max(low or 0, (first or counter(tx, "sequence") + 1) - 1)
    span = [] if low is None else ["sequence > :low"]
    values["low"] = low
    if query.until is None or narrow:
        values["high"] = high
        return [([*span, *([] if high is None else ["sequence < :high"])], False)]
    soon = (_edge(tx, "received <= :at", "DESC", query.until + _SLACK) or 0) + 1
    last = (_edge(tx, "received <= :at", "DESC", query.until + _LATEST) or 0) + 1
    values["soon"], values["high"] = min(high or soon, soon), min(high or last, last)
    behind = ["sequence >= :soon", "sequence < :high", "received > built + 300"]
    return [([*span, "sequence < :soon"], False), ([*span, *behind], True)]


def _edge(tx: Transaction, condition: str, order: str, at: float) -> int | None:
    """The first sequence, or the last, of a span of time."""
    found = [
        row[0]
        for message in (0, 1)
        if (
            row := tx.one(
                f"""SELECT sequence FROM event WHERE message = {message} AND {condition}
                    ORDER BY received {order} LIMIT 1""",  # noqa: S608 - our own names
                at=at,
            )
        )
    ]
    return (min if order == "ASC" else max)(found, default=None)


def _kinds(tx: Transaction, query: Query) -> list[str] | None:
    """The kinds asked for that ever came, None for all."""
    if not query.kinds and not query.messages:
        return None
    known = [str(row[0]) for row in tx.all("SELECT name FROM kind")]
    if query.messages:
        known = [kind for kind in known if is_message(kind)]
    return [kind for kind in known if matches(kind, query.kinds)] if query.kinds else known


def _wanted(tx: Transaction, query: Query, values: Json) -> str:
    """What is asked for as a condition on each event, which one walk holds all of them against."""
    if not query.kinds or "*" in query.kinds:
        return "1 = 1"
    kind, each = tx.unindexed("kind"), list[str]()
    for number, wanted in enumerate(query.kinds):
        values[f"kind{number}"] = wanted.removesuffix("*")
        if wanted.endswith(".*"):
            each.append(f"substr({kind}, 1, {len(wanted) - 1}) = :kind{number}")
        else:
            each.append(f"{kind} = :kind{number}")
    return f"({' OR '.join(each)})"


def _names(kinds: Sequence[str], values: Json) -> str:
    for number, kind in enumerate(kinds):
        values[f"kind{number}"] = kind
    return ", ".join(f":kind{number}" for number in range(len(kinds)))
