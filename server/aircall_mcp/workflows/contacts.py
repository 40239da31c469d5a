"""The names of a company's contacts, which Aircall cannot search: read once, and kept up to date.

They are read on the bulk lane from the first name that is asked for on, oldest first, so that no
cap and no process that ends loses what was read. Afterwards the newest changes are read before each
answer, by `updated_at`, and by webhooks what was deleted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from ..errors import BudgetExhausted, ToolError, Unreachable
from ..events.query import Query
from ..gateway.ask import Aircall, Sends
from ..ground.caller import AccountName, Caller
from ..ground.clock import Clock
from ..ground.operation import PAGE_SIZE, Operation
from ..ground.times import moment
from ..ground.visible import clean
from .cards import Keeps, Nowhere, Reading
from .meant import Named
from .names import Names

if TYPE_CHECKING:
    from ..events.log import EventLog

log = logging.getLogger(__name__)
Json = dict[str, Any]

FRESH = 30.0
"""Seconds in which changes are not asked for again."""
WHOLE_AGAIN = 86_400.0
"""Seconds after which all are read anew, since what was deleted leaves no trace."""
PATIENCE = 300.0
"""Seconds that one page may wait for the request limit: people go first."""
LAST_PAGE = 200
"""Aircall serves 10,000 items of one query."""
_MOST = 20
"""Numbers, and addresses, of a contact that are kept."""


@dataclass(slots=True)
class _Shelf:
    """What is known of one account."""

    names: Names
    reading: Reading
    checked: float = 0.0
    seen: set[int] | None = None
    task: asyncio.Task[None] | None = None
    fault: str = ""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class Standing:
    """What can be asked, and how much of all there is that is. `fault` says why no more is read."""

    names: Names
    whole: bool
    read: int
    total: int
    fault: str = ""

    @property
    def coverage(self) -> Json:
        said: Json = {"complete": self.whole, "contacts_read": self.read}
        return said if self.whole else {**said, "contacts_total": max(self.total, self.read)}


class Contacts:
    """See the module docstring. `cards` opens where they are kept, at the first use; `events` the
    event log, None where it is not to be asked. `whose` finds the account that acts. Close it with
    `aclose`."""

    def __init__(
        self,
        gateway: Sends,
        operations: Mapping[str, Operation],
        *,
        cards: Callable[[], Keeps] = Nowhere,
        events: Callable[[], EventLog] | None = None,
        whose: Callable[[str | None], Awaitable[str | None]] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._gateway = gateway
        self._operations = operations
        self._open = cards
        self._cards: Keeps | None = None
        self._events = events
        self._whose = whose
        self._clock = clock or Clock()
        self._shelves: dict[AccountName, _Shelf] = {}

    async def aclose(self) -> None:
        """Stop reading; what was read is kept."""
        tasks = [one.task for one in self._shelves.values() if one.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def standing(self, caller: Caller, patience: float) -> Standing:
        """The names as they are now; while they are read for the first time, those that could be
        read within `patience` seconds. Raises what the gateway raises where nothing is known."""
        account = caller.account
        if self._whose is not None:
            account = await self._whose(caller.account)
        shelf = await self._shelf(account or "")
        if shelf.task is None and (not shelf.reading.whole or self._aged(shelf)):
            reading = self._read_all(account, shelf)
            shelf.task = asyncio.create_task(reading, name="read contacts")
        if shelf.reading.whole:
            await self._refreshed(account, shelf, caller)
        elif shelf.task is not None:
            await self._watched(shelf, caller, patience)
        if shelf.fault and not len(shelf.names):
            raise Unreachable(f"The contacts could not be read: {shelf.fault}")
        return Standing(
            shelf.names, shelf.reading.whole, len(shelf.names), shelf.reading.total, shelf.fault
        )

    async def changed(self, caller: Caller, row: Json | None, id_: int) -> None:
        """A contact as a read just showed it, None for one that is gone."""
        account = caller.account
        if self._whose is not None:
            account = await self._whose(caller.account)
        shelf = await self._shelf(account or "")
        await self._take(account or "", shelf, [] if row is None else [row],
                         gone=() if row is not None else (id_,))  # fmt: skip

    # inside

    async def _shelf(self, account: str) -> _Shelf:
        if account not in self._shelves:
            self._shelves[account] = shelf = _Shelf(Names(), Reading())
            async with shelf.lock:
                try:
                    if self._cards is None:
                        self._cards = self._open()
                    reading, cards = await self._cards.load(account)
                except ToolError as error:
                    log.warning("Contacts are not kept on this machine: %s", error.message)
                    self._cards, reading, cards = Nowhere(), Reading(), []
                shelf.reading = reading
                shelf.names = await asyncio.to_thread(Names, cards)
        shelf = self._shelves[account]
        async with shelf.lock:
            return shelf

    def _aged(self, shelf: _Shelf) -> bool:
        return self._clock.wall() - shelf.reading.began > WHOLE_AGAIN

    async def _watched(self, shelf: _Shelf, caller: Caller, patience: float) -> None:
        """Wait for the reading, and say how far it is."""
        clock, task = self._clock, shelf.task
        until = clock.monotonic() + patience
        while task is not None and not task.done() and clock.monotonic() < until:
            total = shelf.reading.total or None
            await caller.progress(len(shelf.names), total, "contacts read, for the first time")
            left = until - clock.monotonic()
            await asyncio.wait({task}, timeout=max(0.0, min(1.0, left)))

    async def _read_all(self, account: str | None, shelf: _Shelf) -> None:
        """Page after page, oldest first: what is new comes last, and nothing moves."""
        asking = self._asking(account)
        if shelf.reading.whole or not shelf.reading.began:
            # From the beginning: only then is it known which were not met any more.
            whole, shelf.seen = shelf.reading.whole, set()
            shelf.reading = replace(
                shelf.reading, since=0, page=1, whole=whole, began=self._clock.wall()
            )
        try:
            while True:
                reading, shelf.fault = shelf.reading, ""
                try:
                    reply = await asking.ask(
                        "list_contacts",
                        **({"from": reading.since} if reading.since else {}),
                        page=reading.page, per_page=PAGE_SIZE, order="asc", order_by="created_at",
                    )  # fmt: skip
                except BudgetExhausted as error:
                    await self._clock.sleep(min(max(error.retry_after, 1.0), 60.0))
                    continue
                rows, total = _rows(reply.body)
                ended = len(rows) < PAGE_SIZE or reading.page >= LAST_PAGE
                await self._take(account or "", shelf, rows, onward=_onward(reading, rows, total))
                if ended:
                    break
            await self._ended(account or "", shelf)
        except ToolError as error:
            shelf.fault = f"{error.message} {error.hint}".strip()
            log.warning("Contacts were not read to their end: %s", error.kind)
        finally:
            shelf.task = None

    async def _ended(self, account: str, shelf: _Shelf) -> None:
        """All were met: what was not, is gone."""
        gone: list[int] = []
        if shelf.seen is not None:
            gone = [one.id for one in shelf.names if one.id not in shelf.seen]
        shelf.seen = None
        await self._take(account, shelf, [], gone=gone, onward=replace(shelf.reading, whole=True))
        shelf.checked = self._clock.monotonic()

    async def _refreshed(self, account: str | None, shelf: _Shelf, caller: Caller) -> None:
        """Read what changed since the newest change that was seen, and what was deleted."""
        async with shelf.lock:
            await self._told(account, shelf)
            now = self._clock.monotonic()
            if shelf.checked and now - shelf.checked < FRESH:
                return
            asked = replace(caller, account=account)
            asking = Aircall(self._gateway, self._operations, asked, strict=True)
            page, newest = 1, shelf.reading.newest
            try:
                while page <= LAST_PAGE:
                    reply = await asking.ask(
                        "list_contacts",
                        page=page, per_page=PAGE_SIZE, order="desc", order_by="updated_at",
                    )  # fmt: skip
                    rows, total = _rows(reply.body)
                    await self._take(account or "", shelf, rows)
                    if len(rows) < PAGE_SIZE or _updated(rows[-1]) < newest:
                        shelf.reading = replace(shelf.reading, total=total)
                        break
                    page += 1
                    asking = self._asking(account)
                shelf.checked, shelf.fault = now, ""
            except ToolError as error:
                shelf.fault = f"What changed lately could not be read: {error.message}"

    async def _told(self, account: str | None, shelf: _Shelf) -> None:
        """What webhooks told of contacts since we last looked: deletions above all."""
        if self._events is None:
            return
        with suppress(ToolError):
            events = self._events()
            if not events.exists:
                return
            latest = await events.aside(events.latest)
            query = Query(kinds=("contact.*",), account=account or None,
                          after=shelf.reading.sequence, limit=500)  # fmt: skip
            told = await events.aside(lambda: events.read(query))
            gone = [
                one.data.get("id") for one in told if one.trusted and one.kind == "contact.deleted"
            ]
            rows = [dict(one.data) for one in told if one.trusted and one.kind != "contact.deleted"]
            sequence = told[-1].sequence if len(told) == 500 else latest
            await self._take(
                account or "", shelf, rows, gone=[one for one in gone if isinstance(one, int)],
                onward=replace(shelf.reading, sequence=sequence),
            )  # fmt: skip

    async def _take(
        self,
        account: str,
        shelf: _Shelf,
        rows: Sequence[Json],
        *,
        gone: Sequence[int] = (),
        onward: Reading | None = None,
    ) -> None:
        """Keep what was read, and then how far that is."""
        cards = [card for row in rows if (card := card_of(row)) is not None]
        for card in cards:
            shelf.names.put(card)
            if shelf.seen is not None:
                shelf.seen.add(card.id)
        for id_ in gone:
            shelf.names.drop("contact", id_)
        reading = onward or shelf.reading
        newest = max([reading.newest, *map(_updated, rows)])
        shelf.reading = replace(reading, newest=newest)
        if self._cards is not None:
            try:
                await self._cards.keep(account, shelf.reading, cards, gone)
            except ToolError as error:
                log.warning("Contacts are not kept on this machine: %s", error.message)
                self._cards = Nowhere()

    def _asking(self, account: str | None) -> Aircall:
        caller = Caller(interface="contacts", account=account, lane="bulk", patience=PATIENCE)
        return Aircall(self._gateway, self._operations, caller, strict=True)


def card_of(row: Mapping[str, Any]) -> Named | None:
    """A contact as Aircall shows it, with what names it and nothing else."""
    id_ = row.get("id")
    if not isinstance(id_, int) or isinstance(id_, bool):
        return None
    name = _line(f"{_text(row.get('first_name'))} {_text(row.get('last_name'))}")
    company = _line(_text(row.get("company_name")))
    return Named(
        id_, name or company, "contact", _values(row.get("emails")),
        _values(row.get("phone_numbers")), company if name else "",
    )  # fmt: skip


def _values(details: Any) -> tuple[str, ...]:
    listed = cast("list[Any]", details) if isinstance(details, list) else []
    values = [cast("Json", one).get("value") for one in listed if isinstance(one, dict)]
    return tuple(_line(one) for one in islice(values, _MOST) if isinstance(one, str))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _line(text: str) -> str:
    return " ".join(clean(text).split())


def _rows(body: Any) -> tuple[list[Json], int]:
    """The contacts of a page, and how many Aircall says there are from there on."""
    listed: Any = cast("Json", body).get("contacts") if isinstance(body, dict) else None
    rows = cast("list[Any]", listed) if isinstance(listed, list) else []
    meta: Any = cast("Json", body).get("meta") if isinstance(body, dict) else None
    total: Any = cast("Json", meta).get("total") if isinstance(meta, dict) else 0
    return [cast("Json", row) for row in rows if isinstance(row, dict)], (
        total if isinstance(total, int) else 0
    )


def _onward(reading: Reading, rows: Sequence[Json], total: int) -> Reading:
    """Where the next page is: from the last one's creation on; further pages where all were made in
    one second."""
    last = _moment(rows[-1].get("created_at")) if rows else 0
    total = max(reading.total, total) if reading.since or reading.page > 1 else total
    if last > reading.since:
        return replace(reading, since=last, page=1, total=total)
    return replace(reading, page=reading.page + 1, total=total)


def _updated(row: Mapping[str, Any]) -> int:
    return _moment(row.get("updated_at"))


def _moment(value: Any) -> int:
    try:
        return int(moment(value, None)) if isinstance(value, int | str) else 0
    except (ValueError, OverflowError):
        return 0
