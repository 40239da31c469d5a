"""Yeses that a person gives in advance: a number of calls or texts to these numbers, for some time.

A lease is given at a terminal, to one principal for one account. It answers what the policy asks,
and nothing else: bans, caps, quiet hours and the suppression list hold with it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from .policy import named

if TYPE_CHECKING:
    from ..ground.clock import Clock
    from ..storage.state import State
    from ..storage.store import Transaction
    from .deed import Deed

Leased = Literal["calls", "texts"]
LEASED: Final[tuple[Leased, ...]] = ("calls", "texts")

LONGEST: Final = 24 * 3600.0
"""Seconds that a lease may last."""
KEPT: Final = 7 * 86_400.0

MIGRATIONS = (
    (
        "CREATE TABLE lease (id TEXT PRIMARY KEY, principal TEXT NOT NULL, account TEXT NOT NULL,"
        " kind TEXT NOT NULL, size INTEGER NOT NULL, used INTEGER NOT NULL,"
        " recipients TEXT NOT NULL, senders TEXT NOT NULL, made DOUBLE PRECISION NOT NULL,"
        " expires DOUBLE PRECISION NOT NULL, revoked TEXT NOT NULL)",
        "CREATE INDEX lease_of ON lease (principal, account, kind, expires)",
    ),
)
_SELECT: Final = (
    "SELECT id, principal, account, kind, size, used, recipients, senders, made, expires"
    " FROM lease WHERE revoked = '' AND expires > :now AND made <= :now"
)


@dataclass(frozen=True, slots=True)
class Lease:
    """`size` people may be reached, of whom `used` were. `recipients` are numbers in E.164, or
    their beginnings with a `*`; `senders` the ids of our numbers, empty for any. `made` and
    `expires` are UNIX seconds."""

    id: str
    principal: str
    account: str
    kind: Leased
    size: int
    used: int
    recipients: tuple[str, ...]
    senders: tuple[int, ...]
    made: float
    expires: float

    def fits(self, deed: Deed) -> bool:
        """Whether it is about `deed`, if there is room."""
        return (
            deed.needs == ("reach",)
            and deed.counted == self.kind
            and all(named(number, self.recipients) for number in deed.recipients)
            and (not self.senders or bool(deed.senders))
            and (not self.senders or set(deed.senders) <= set(self.senders))
            and self.used + deed.size <= self.size
        )


class Leases:
    """All methods raise `StoreError`."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock

    async def give(
        self,
        kind: Leased,
        size: int,
        seconds: float,
        *,
        principal: str,
        account: str,
        recipients: Sequence[str],
        senders: Sequence[int] = (),
    ) -> Lease:
        """Only a person's own command gives one."""
        now = self._clock.wall()
        lease = Lease(
            id=os.urandom(5).hex(),
            principal=principal,
            account=account,
            kind=kind,
            size=size,
            used=0,
            recipients=tuple(recipients),
            senders=tuple(senders),
            made=now,
            expires=now + min(seconds, LONGEST),
        )

        def work(tx: Transaction) -> None:
            tx.run("DELETE FROM lease WHERE made < :old", old=now - KEPT)
            tx.run(
                "INSERT INTO lease (id, principal, account, kind, size, used, recipients, senders,"
                " made, expires, revoked) VALUES (:id, :principal, :account, :kind, :size, 0,"
                " :recipients, :senders, :made, :expires, '')",
                id=lease.id,
                principal=principal,
                account=account,
                kind=kind,
                size=size,
                recipients=json.dumps(lease.recipients),
                senders=json.dumps(lease.senders),
                made=now,
                expires=lease.expires,
            )

        await self._state.write(work)
        return lease

    def using(self, tx: Transaction, deed: Deed) -> str:
        """The id of a lease that `deed` was counted on; "" where none fits."""
        rows = tx.all(
            f"{_SELECT} AND principal = :principal AND account = :account ORDER BY expires, id",
            now=self._clock.wall(),
            principal=deed.principal,
            account=deed.account,
        )
        lease = next((one for one in map(_lease, rows) if one.fits(deed)), None)
        if lease is None:
            return ""
        tx.run("UPDATE lease SET used = used + :size WHERE id = :id", size=deed.size, id=lease.id)
        return lease.id

    def giving_back(self, tx: Transaction, name: str, size: int) -> None:
        """Nothing was done on it."""
        tx.run("UPDATE lease SET used = used - :size WHERE id = :id", size=size, id=name)

    async def given(self) -> Sequence[Lease]:
        """Those that hold, the first to end first."""
        sql = f"{_SELECT} ORDER BY expires, id"
        return await self._state.write(
            lambda tx: [_lease(row) for row in tx.all(sql, now=self._clock.wall())]
        )

    async def revoke(self, name: str | None, why: str) -> int:
        """End the lease of this id, or all; how many held till now."""

        sql = "UPDATE lease SET revoked = :why WHERE revoked = '' AND (id = :id OR :all = 1)"
        which = {"why": why, "id": name or "", "all": int(name is None)}

        def work(tx: Transaction) -> int:
            held = tx.run(f"{sql} AND expires > :now", **which, now=self._clock.wall())
            # What is over would hold again where the clock is set back.
            tx.run(sql, **which)
            return held

        return await self._state.write(work)


def _lease(row: Sequence[Any]) -> Lease:
    name, principal, account, kind, size, used, recipients, senders, made, expires = row
    return Lease(
        id=name,
        principal=principal,
        account=account,
        kind=cast("Leased", kind),
        size=size,
        used=used,
        recipients=tuple(json.loads(recipients)),
        senders=tuple(json.loads(senders)),
        made=made,
        expires=expires,
    )
