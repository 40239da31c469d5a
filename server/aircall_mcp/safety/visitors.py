"""Who may see the page: somebody who typed a code that a person was shown outside of the browser.

A code is good once, for a few minutes, and dies of wrong guesses. It opens a visit of an hour, in
that browser alone. Kept are one-way hashes, for all processes of the home: whoever came in at the
page of one of them is in at that of another.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from ..ground.clock import Clock
    from ..storage.state import State
    from ..storage.store import Transaction

CODE_LASTS: Final = 300.0
"""Seconds in which a code can be typed."""
VISIT_LASTS: Final = 3600.0
GUESSES: Final = 5
"""Wrong ones that a code outlives, less one."""
MOST_CODES: Final = 2
"""That wait to be typed, of those who asked in the same way; the oldest goes for another one."""
BETWEEN_CALLS: Final = 30.0
"""Seconds between two codes that were asked for in a browser: whoever asks there is nobody yet."""

Asker = Literal["terminal", "browser"]

_LETTERS: Final = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""None that is taken for another one."""
_LENGTH: Final = 8
_MOMENT: Final = re.compile(r"[0-9]{1,12}\.[0-9]{3}", re.ASCII)

MIGRATIONS = (
    (
        "CREATE TABLE code (digest TEXT PRIMARY KEY, asker TEXT NOT NULL, wrong INTEGER NOT NULL,"
        " made DOUBLE PRECISION NOT NULL)",
        "CREATE TABLE visit (digest TEXT PRIMARY KEY, began DOUBLE PRECISION NOT NULL)",
    ),
)


class Visitors:
    """All methods raise `StoreError`, and then nobody is let in."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock

    async def code(self, asker: Asker) -> str | None:
        """A new code as a person reads it, such as `K7QM-2HXF`; None where a browser asks again too
        soon."""
        letters = _random_letters()

        def work(tx: Transaction) -> bool:
            now = self._clock.wall()
            self._tidy(tx, now)
            if asker == "browser" and tx.one(
                "SELECT 1 FROM code WHERE asker = 'browser' AND made > :soon",
                soon=now - BETWEEN_CALLS,
            ):
                return False
            tx.run(
                "DELETE FROM code WHERE digest IN (SELECT digest FROM code WHERE asker = :asker"
                " ORDER BY made DESC, digest LIMIT 100 OFFSET :most)",
                asker=asker,
                most=MOST_CODES - 1,
            )
            tx.run(
                "INSERT INTO code (digest, asker, wrong, made) VALUES (:digest, :asker, 0, :now)",
                digest=_digest(letters),
                asker=asker,
                now=now,
            )
            return True

        made = await self._state.write(work)
        return f"{letters[:4]}-{letters[4:]}" if made else None

    async def enter(self, code: str) -> str | None:
        """The key of a visit for a code, which is used up by that; None for what is none. A wrong
        one counts against every code that waits."""
        digest = _digest(_typed(code))
        key = os.urandom(32).hex()

        def work(tx: Transaction) -> bool:
            now = self._clock.wall()
            self._tidy(tx, now)
            # What is over is kept, so that no browser asks for another one the sooner for it.
            spent = tx.run(
                "UPDATE code SET wrong = :guesses WHERE digest = :digest AND wrong < :guesses",
                guesses=GUESSES,
                digest=digest,
            )
            if not spent:
                tx.run("UPDATE code SET wrong = wrong + 1")
                return False
            tx.run(
                "INSERT INTO visit (digest, began) VALUES (:key, :now)", key=_digest(key), now=now
            )
            return True

        return key if await self._state.write(work) else None

    async def visits(self, key: str) -> bool:
        """Whether `key` is that of a visit which lasts still."""

        def work(tx: Transaction) -> bool:
            now = self._clock.wall()
            found = tx.one(
                "SELECT 1 FROM visit WHERE digest = :key AND began <= :now AND began > :old",
                key=_digest(key),
                now=now,
                old=now - VISIT_LASTS,
            )
            return found is not None

        return await self._state.write(work)

    async def leave(self) -> None:
        """All visits end, and no code is good any more."""

        def work(tx: Transaction) -> None:
            tx.run("DELETE FROM visit")
            tx.run("DELETE FROM code")

        await self._state.write(work)

    def close(self) -> None:
        self._state.close()

    def _tidy(self, tx: Transaction, now: float) -> None:
        # What began in the future began before the clock was set back: nobody knows when.
        tx.run("DELETE FROM code WHERE made <= :old OR made > :now", old=now - CODE_LASTS, now=now)
        tx.run(
            "DELETE FROM visit WHERE began <= :old OR began > :now", old=now - VISIT_LASTS, now=now
        )


def token_for(key: str, approval: str, now: float) -> str:
    """What a form carries that answers `approval` in the visit of `key` and was shown at `now`:
    good for nothing else."""
    shown = f"{max(0.0, now):.3f}"
    of = hmac.new(key.encode(), f"{approval} {shown}".encode(), hashlib.sha256)
    return f"{shown}-{of.hexdigest()}"


def shown_at(token: str, key: str, approval: str) -> float | None:
    """When the form was shown that carries `token`; None where it is none of this approval in this
    visit."""
    shown = token.partition("-")[0]
    if not _MOMENT.fullmatch(shown):
        return None
    right = token_for(key, approval, float(shown))
    return float(shown) if hmac.compare_digest(token.encode(), right.encode()) else None


def _digest(secret: str) -> str:
    return hashlib.sha256(b"aircall-mcp visitor:" + secret.encode("utf-8", "replace")).hexdigest()


def _random_letters() -> str:
    letters = ""
    while len(letters) < _LENGTH:
        # Of a byte only what is spread evenly over the letters.
        letters += "".join(_LETTERS[one % 30] for one in os.urandom(_LENGTH) if one < 240)
    return letters[:_LENGTH]


def _typed(code: str) -> str:
    """As it was meant: of any case, with a dash, spaces or nothing between."""
    return "".join(one for one in code.upper() if one.isalnum())
