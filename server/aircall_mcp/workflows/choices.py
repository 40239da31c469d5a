"""The values that complete an argument: users, numbers, tags and teams by their names.

They come from lists that are kept for a moment, and from behind everybody else. Whoever types waits
for no list: what is not there in half a second is there at the next letter.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, cast

from ..errors import ToolError
from ..gateway.gateway import Gateway
from ..ground.caller import Caller
from ..ground.operation import Operation
from ..ground.visible import clean

log = logging.getLogger(__name__)

PATIENCE = 0.5
"""Seconds that whoever types waits."""
MOST = 100
"""Choices in one answer, as many as the protocol allows."""
LONGEST = 100
"""Characters of a choice; what is called by more is left out."""
_READ = 500
"""Items that are read of a list."""
_DEADLINE = 10.0

_LISTS: Final = {
    "user": ("list_users_v2", "users", "email"),
    "number": ("list_numbers", "numbers", "digits"),
    "tag": ("list_tags", "tags", ""),
    "team": ("list_teams", "teams", ""),
}
"""Of a kind: the operation that lists it, the key of the list, and what else it is known by."""

_Key = tuple[str, str | None, str]


class Choices:
    """See the module docstring. `offered` says whether somebody may see what an operation lists."""

    def __init__(
        self,
        gateway: Gateway,
        operations: Mapping[str, Operation],
        offered: Callable[[Operation, str], bool],
        *,
        patience: float = PATIENCE,
    ) -> None:
        self._gateway = gateway
        self._operations = operations
        self._offered = offered
        self._patience = patience
        self._asked: dict[_Key, asyncio.Task[list[str]]] = {}

    async def of(self, kind: str, typed: str, caller: Caller) -> list[str]:
        """Those of a kind that what was typed may become, the likeliest first; none where they
        cannot be had at once."""
        if kind not in _LISTS or not self._offered(
            self._operations[_LISTS[kind][0]], caller.principal
        ):
            return []
        key = (caller.principal, caller.account, kind)
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = asyncio.create_task(self._named(kind, caller))
            asked.add_done_callback(lambda _: self._asked.pop(key))
        done, _ = await asyncio.wait({asked}, timeout=self._patience)
        return fitting(typed, asked.result()) if done and not asked.cancelled() else []

    async def aclose(self) -> None:
        """What is still asked for is asked for no longer."""
        asked = list(self._asked.values())
        for task in asked:
            task.cancel()
        for task in asked:
            with suppress(asyncio.CancelledError):
                await task

    async def _named(self, kind: str, caller: Caller) -> list[str]:
        operation, key, beside = _LISTS[kind]
        patient = replace(caller, lane="bulk", patience=0.0, deadline=_DEADLINE, watched=False)
        try:
            bound = self._operations[operation].bind({"max_items": _READ})
            body: Any = (await self._gateway.read(bound, patient)).body
        except ToolError as error:
            log.info("no %ss to choose from: %s", kind, error.kind)
            return []
        listed: Any = cast("dict[str, Any]", body).get(key) if isinstance(body, dict) else None
        rows = cast("list[Any]", listed) if isinstance(listed, list) else []
        kept = [cast("dict[str, Any]", row) for row in rows if isinstance(row, dict)]
        return _names(kept, beside)


def _names(rows: Iterable[Mapping[str, Any]], beside: str) -> list[str]:
    """What each is called; of several called the same, what else each is known by."""
    called = [(_text(row.get("name")), _text(row.get(beside))) for row in rows]
    names = [name for name, _ in called]
    told = [other if other and names.count(name) > 1 else name or other for name, other in called]
    return list(dict.fromkeys(name for name in told if 0 < len(name) <= LONGEST))


def _text(value: Any) -> str:
    return " ".join(clean(value).split()) if isinstance(value, str) else ""


def fitting(typed: str, names: Iterable[str]) -> list[str]:
    """Those that begin with what was typed, then those with a word that does, then those that have
    it somewhere."""
    start = typed.strip().casefold()

    def rank(name: str) -> int:
        folded = name.casefold()
        if folded.startswith(start):
            return 0
        return 1 if any(word.startswith(start) for word in folded.split()) else 2

    found = [name for name in names if start in name.casefold()]
    return sorted(found, key=rank)[:MOST]
