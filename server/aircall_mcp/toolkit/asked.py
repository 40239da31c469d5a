"""What is known of a framework's tool call that comes again, with a person's answer or without: for
the forms alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..desk import Desk, Question
    from ..safety.approvals import Approval


class Asked:
    """`asking` is a tool call as its framework knows it again; with other arguments `fixed` it is
    another."""

    def __init__(self, desk: Desk, fixed: Mapping[str, Any]) -> None:
        self._desk = desk
        self._fixed = dict(fixed)

    def _named(self, asking: Sequence[Any]) -> str:
        return _named([*asking, self._fixed] if self._fixed else asking)

    async def shown(
        self, question: Question, asking: Sequence[Any], place: Sequence[Any] = ()
    ) -> bool:
        """Whether `question` is what a person was shown when `asking` came before. The same names
        may mean others by now. Of several that asked at one `place`, whose answers name none of
        them, none is."""
        there = _named(place) if place else ""
        return await self._desk.shown(self._named(asking), question.approval, there)

    async def last(self, asking: Sequence[Any]) -> Approval | None:
        """The question that `asking` came to the last time, as it stands."""
        return await self._desk.last(self._named(asking))

    async def answer(self, approval: str, *, yes: bool, way: str) -> None:
        """A person's answer to another call's question, which finds it there."""
        await self._desk.answer(approval, yes=yes, grade=1, way=way)

    async def refuse(self, asking: Sequence[Any], *, way: str) -> bool:
        """A person said no to what they were shown when `asking` came, and the framework does not
        call again. Whether that waited still."""
        return await self._desk.refuse(self._named(asking), way=way)

    async def done(self, asking: Sequence[Any]) -> bool:
        """Whether `asking` was done, or may have been, when it came before."""
        return await self._desk.done(self._named(asking))

    async def note_done(self, asking: Sequence[Any]) -> None:
        """It was done, or may have been: it is not to be done for `asking` again."""
        await self._desk.note_done(self._named(asking))

    async def note_undone(self, asking: Sequence[Any]) -> None:
        """It was not done, after all."""
        await self._desk.note_undone(self._named(asking))


def _named(asking: Sequence[Any]) -> str:
    return sha256(json.dumps(asking, sort_keys=True, default=repr).encode()).hexdigest()
