"""The journal's link: an effect is recorded once its slot is held, before a byte of it leaves.

An `Entry` is one effect's line in the journal, over all its attempts. `Effects` makes and closes
it, this link opens it, and the wire calls it before the first byte.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import StoreError, quoted
from ..ground.phones import masked
from ..ground.visible import clean
from ..ground.weight import Aside, weight_in
from .journal import Asking, Intent, Journal, Outcome, canonical, fingerprint
from .refusals import repeated
from .request import Answered, Attempt, Brake, Request, Trying, released
from .wish import wish_of

if TYPE_CHECKING:
    from ..ground.operation import Bound, Operation
    from .ledger import Share

log = logging.getLogger(__name__)

NOTHING_DONE = frozenset({401, 403, 429})
"""Statuses of an answer after which the same request may be sent again: it did nothing."""

LONGEST_CLIENT = 60
"""Characters of a client's name that are stored."""
MOST_NAMED = 3
"""Phone numbers that are stored; for more, only their count."""
ID_END = 4
"""Characters of an id that are stored, from its end."""

Past = Callable[[Intent], Awaitable[bool]]
"""Whether an earlier intent no longer blocks this one."""


class Entry:
    """See the module docstring. `doubt`: a byte left, and no answer said that it did nothing."""

    def __init__(
        self,
        journal: Journal | None,
        request: Request,
        past: Past,
        aside: Aside,
        brake: Brake = released,
    ) -> None:
        self._journal = journal
        self._operation: Operation = request.operation
        self._share: Share = request.share
        self._bound = request.bound
        self._asking = _asking(request)
        self._part = request.caller.part
        self._patience = request.caller.deadline + 5
        self._past = past
        self._aside = aside
        self._brake = brake
        self._intent: Intent | None = None
        self._abandoned = False
        self._earlier_doubt = False
        self.begun = False
        self.doubt = False
        self.refused = 0

    def abandon(self) -> None:
        """The caller is gone."""
        self._abandoned = True

    async def open(self) -> None:
        """Write the intent, unless it is. Raises `Duplicate` or `OutcomeUnknown` for what was sent
        a moment ago, `StoreError`, and `CancelledError` where it is abandoned and still can be."""
        if self._journal is not None and self._intent is None:
            await self._begin(self._journal)
        if self._abandoned and not self.doubt:
            raise asyncio.CancelledError

    async def leaving(self) -> None:
        """A byte is about to leave. Raises `NotAllowed` if the brake was pulled meanwhile."""
        if not self.begun and self._journal is not None and self._intent is not None:
            await self._journal.mark(self._intent, "sent")
        # Last of all: slot, connection and disk may have taken their time. What passes here is
        # "sent" in the journal, so that whoever pulls the brake can wait for it.
        self._brake(self._operation)
        self._earlier_doubt = self.doubt
        self.begun = self.doubt = True

    def nothing_done(self, status: int) -> None:
        """This attempt's answer says that it did nothing, which says nothing of earlier ones."""
        self.doubt, self.refused = self._earlier_doubt, status

    async def close(self, outcome: Outcome, status: int) -> None:
        """The outcome over all attempts."""
        if self._journal is None or self._intent is None:
            return
        try:
            await self._journal.mark(self._intent, outcome, status)
        except StoreError as error:
            # What was done is done, and is told; to the journal it stays unknown.
            log.warning("The outcome of %s is not journaled: %s", self._operation.id, error.message)

    async def _begin(self, journal: Journal) -> None:
        print_, wish = await prints_of(self._bound, self._share.company, self._aside)
        despite = ""
        while True:
            beginning = asyncio.ensure_future(
                journal.begin(
                    self._operation.id,
                    self._share.company,
                    print_,
                    wish=wish,
                    guarded=self._operation.repeatable == "never",
                    patience=self._patience,
                    despite=despite,
                    asking=self._asking,
                    part=self._part,
                )
            )
            try:
                await asyncio.wait({beginning})
                intent, written = beginning.result()
            except asyncio.CancelledError:
                intent, written = await beginning  # what is written down gets its outcome
                self._intent = intent if written else None
                raise
            if written:
                self._intent = intent
                return
            # A read tells of the very request alone: of another it would show that it is not there.
            if not intent.exact or intent.id == despite or not await self._past(intent):
                raise repeated(self._operation, intent)
            despite = intent.id


async def prints_of(bound: Bound, company: str, aside: Aside) -> tuple[str, str]:
    """The hash of the exact request, and that of the wish ("" for none)."""

    def prints() -> tuple[str, str]:
        query: list[Any] = sorted(bound.query)
        body: Mapping[str, Any] | None = canonical(bound.body)
        operation = bound.operation
        exact = fingerprint(company, operation.method, bound.path, query, body)
        return exact, wish_of(bound) if operation.repeatable == "never" else ""

    return await aside(prints, weight=weight_in(bound.body))


def _asking(request: Request) -> Asking:
    """What a person may recognise it by later. A client's name is untrusted text."""
    caller = request.caller
    client = quoted(" ".join(clean(caller.client).split()), LONGEST_CLIENT)
    return Asking(caller.interface, client, request.account or "", _destination(request.bound))


def _destination(bound: Bound) -> str:
    """The phone numbers that it is for, else the ends of the ids in its path."""
    given = [(p, bound.arguments[p.name]) for p in bound.operation.parameters
             if p.name in bound.arguments]  # fmt: skip
    numbers = [n for p, value in given if p.form in ("phone", "phones")
               for n in (value if p.form == "phones" else [value])]  # fmt: skip
    if numbers:
        named = [masked(str(number)) for number in numbers[:MOST_NAMED]]
        rest = len(numbers) - len(named)
        return ", ".join(named) + (f" and {rest} more" if rest else "")
    ids = [f"{p.name.removesuffix('_id')} {_end(str(value))}"
           for p, value in given if p.place == "path"]  # fmt: skip
    return ", ".join(ids[:MOST_NAMED])


def _end(identity: str) -> str:
    return identity if len(identity) <= ID_END else f"…{identity[-ID_END:]}"


class Intents:
    """The link. A request without an entry is a read, and passes."""

    def __init__(self, then: Trying) -> None:
        self._then = then

    async def send(self, request: Request) -> Attempt:
        """Raises what `Entry.open` raises."""
        entry = request.entry
        if entry is None:
            return await self._then.send(request)
        await entry.open()
        attempt = await self._then.send(request)
        if isinstance(attempt, Answered) and attempt.status in NOTHING_DONE:
            entry.nothing_done(attempt.status)
        return attempt
