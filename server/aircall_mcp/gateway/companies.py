"""Which accounts are the same company, by the ids that their reads returned.

Two keys of one company show the same numbers and users, whose ids no other company has. Until they
did, each key is taken for a company of its own. What was seen is kept as one-way hashes, in memory,
and beside the journal as soon as there is an intent that it may matter to.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from ..ground.addresses import one_host
from ..ground.caller import CompanyId
from ..ground.operation import Operation

if TYPE_CHECKING:
    from ..storage.store import Transaction

LASTING = 86_400.0
"""Seconds that a mark tells of a company since it was last seen: a name may be given to another."""
MOST = 10_000
"""Marks of a company that one process knows: as much as Aircall lists of one query. What was seen
last stays, so that a company of many users is known by its numbers all the same."""

MIGRATION = (
    "CREATE TABLE mark (company TEXT NOT NULL, mark TEXT NOT NULL,"
    " wall DOUBLE PRECISION NOT NULL, PRIMARY KEY (company, mark))",
    "CREATE INDEX mark_mark ON mark (mark)",
)


def marks_in(operation: Operation, url: str, body: Any) -> frozenset[str]:
    """What an answer shows that belongs to one company alone, each as a hash."""
    host = one_host(urlsplit(url).hostname or "")
    shown: Any = body
    if operation.answer.key and isinstance(body, Mapping):
        shown = cast("Mapping[str, Any]", body).get(operation.answer.key)
    return frozenset(
        sha256(f"{host}|{kind}|{identity}".encode()).hexdigest()
        for kind, place in operation.tells_whose.items()
        for identity in _at(shown, place.split("."))
    )


def _at(value: Any, path: list[str]) -> set[int]:
    """The whole numbers in the field at `path` of `value`, or of each of its items."""
    found = _flat(value)
    for name in path:
        found = _flat(
            [cast("dict[str, Any]", one).get(name) for one in found if isinstance(one, dict)]
        )
    return {one for one in found if isinstance(one, int) and not isinstance(one, bool)}


def _listed(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _flat(value: Any) -> list[Any]:
    """Lists in a list as their items."""
    found = _listed(value)
    while any(isinstance(one, list) for one in found):
        found = [part for one in found for part in _listed(one)]
    return found


class Companies:
    """See the module docstring. Times are UNIX seconds."""

    def __init__(self) -> None:
        self._known: dict[CompanyId, dict[str, float]] = {}
        self._unwritten: dict[tuple[CompanyId, str], float] = {}

    def learn(self, company: str, marks: frozenset[str], now: float) -> bool:
        """Whether that is something to be written down."""
        known = self._known.setdefault(company, {})
        new = {mark for mark in marks if not 0 <= now - known.get(mark, -LASTING) < LASTING / 2}
        for mark in new:
            known.pop(mark, None)  # it becomes the latest
            known[mark] = now
            self._unwritten[company, mark] = now
        while len(known) > MOST:
            oldest = next(iter(known))
            del known[oldest]
            self._unwritten.pop((company, oldest), None)
        return bool(self._unwritten)

    def write(self, tx: Transaction, now: float) -> list[tuple[str, str]]:
        """Write down what was learned; which that is, to be told to `written` once it is safe."""
        batch = list(self._unwritten.items())
        tx.run("DELETE FROM mark WHERE wall < :old", old=now - LASTING)
        for (company, mark), wall in batch:
            tx.run(
                "INSERT INTO mark (company, mark, wall) VALUES (:company, :mark, :wall)"
                " ON CONFLICT (company, mark) DO UPDATE SET wall = excluded.wall",
                company=company,
                mark=mark,
                wall=wall,
            )
        return [key for key, _ in batch]

    def written(self, batch: list[tuple[str, str]]) -> None:
        for key in batch:
            self._unwritten.pop(key, None)

    def kin(self, tx: Transaction, company: str) -> frozenset[str]:
        """The names of all keys that are known to be of the company of this one."""
        found, ahead = {company}, [company]
        while ahead:
            rows = tx.all(
                "SELECT DISTINCT other.company FROM mark AS mine"
                " JOIN mark AS other ON other.mark = mine.mark WHERE mine.company = :company",
                company=ahead.pop(),
            )
            new = {row[0] for row in rows} - found
            found |= new
            ahead += new
        return frozenset(found)
