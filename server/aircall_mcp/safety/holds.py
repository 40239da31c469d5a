"""What an effect uses up before it may begin, taken in one transaction and given back in one: a
person's yes, in any form, and a place under the cap."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .approvals import Approvals
from .deed import Deed
from .leases import Leases
from .planned import Planned
from .policy import Cap, Ruling
from .usage import Usage

if TYPE_CHECKING:
    from ..storage.state import State
    from ..storage.store import Transaction


@dataclass(frozen=True, slots=True)
class Held:
    """The ids of the yes that is used up and of the place that is taken, "" for none."""

    approval: str = ""
    lease: str = ""
    place: str = ""
    size: int = 1


class LeftAlone(Exception):
    """Somebody whom it would reach asked not to be contacted."""


class NoYes(Exception):
    """Nobody has said yes to it."""


class NoRoom(Exception):
    """The cap leaves no room for it."""


@dataclass(frozen=True, slots=True)
class Holds:
    """All methods raise `StoreError`, and then nothing must be sent."""

    state: State
    approvals: Approvals
    usage: Usage
    planned: Planned
    leases: Leases

    async def take(
        self,
        deed: Deed,
        identity: str,
        ruling: Ruling,
        cap: Cap | None,
        *,
        part: str = "",
        ringing: Collection[str] = (),
    ) -> Held:
        """Raises `LeftAlone`, `NoYes` and `NoRoom`, and then nothing is taken. `identity` is that
        of the call; `part` names the item of a plan that it is performed as; `ringing` are the
        numbers that nobody must have asked to leave alone."""

        def work(tx: Transaction) -> Held:
            if self.usage.leaving_alone(tx, ringing):
                raise LeftAlone
            counted = deed.counted if cap is not None else None
            if cap is not None and not self._room(tx, deed, cap):
                raise NoRoom
            # After that, so that nobody is asked for what there is no room for; and before anything
            # is written, which would be for nothing where somebody is asked.
            approval, lease = self._yes(tx, deed, identity, ruling, part)
            place = self.usage.taking(tx, deed.account, counted, deed.size) if counted else ""
            if deed.introduces:
                # Else a model would make a contact of whomever it wants to call.
                self.usage.introducing(tx, deed.introduces)
            return Held(approval, lease, place, deed.size)

        return await self.state.write(work)

    async def give_back(self, held: Held, *, twice: bool = False) -> None:
        """Nothing was done. What was done `twice` if it were has no yes to itself any more: for a
        second time a person is asked anew."""

        def work(tx: Transaction) -> None:
            if held.approval and not twice:
                self.approvals.giving_back(tx, held.approval)
            if held.lease:
                self.leases.giving_back(tx, held.lease, held.size)
            if held.place:
                self.usage.giving_back(tx, held.place)

        if held.approval or held.lease or held.place:
            await self.state.write(work)

    def _room(self, tx: Transaction, deed: Deed, cap: Cap) -> bool:
        kind = deed.counted
        return not kind or self.usage.has_room(tx, deed.account, kind, deed.size, cap)

    def _yes(
        self, tx: Transaction, deed: Deed, identity: str, ruling: Ruling, part: str
    ) -> tuple[str, str]:
        """The ids of the approval or of the lease that was used."""
        if ruling.say != "ask":
            return "", ""
        if part:
            if not self.planned.covers(tx, part, deed, identity, ruling):
                raise NoYes
            return "", ""
        this = {"principal": deed.principal, "account": deed.account, "identity": identity}
        approval, _ = self.approvals.using(tx, **this, grade=ruling.grade)
        if approval:
            return approval, ""
        ahead = not (ruling.quiet or self.approvals.denied(tx, **this))
        lease = self.leases.using(tx, deed) if ahead else ""
        if not lease:
            raise NoYes
        return "", lease
