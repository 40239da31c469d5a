"""What is known of a framework's tool call that comes again, with a person's answer or without: for
the forms alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, cast

from ..errors import Duplicate, OutcomeUnknown
from ..safety.approvals import HEARD

if TYPE_CHECKING:
    from ..desk import Outcome, Question
    from ..safety.approvals import Approval
    from ..safety.safety import Safety

MAY_BE_DONE: Final = (Duplicate.kind, OutcomeUnknown.kind)


class Asked:
    """`asking` is a tool call as its framework knows it again; with other arguments `fixed` it is
    another."""

    def __init__(self, safety: Safety, fixed: Mapping[str, Any]) -> None:
        self._askings, self._approvals = safety.askings, safety.approvals
        self._fixed = dict(fixed)

    async def begin(self, asking: Sequence[Any]) -> bool:
        """It is about to be done, if nobody must say yes. Whether that was not so before."""
        return await self._askings.begin(self._named(asking))

    async def undone(self, asking: Sequence[Any]) -> None:
        """Nothing was done for it, after all."""
        await self._askings.undone(self._named(asking))

    async def shown(self, question: Question, asking: Sequence[Any]) -> bool:
        """Whether `question` is what a person was shown when `asking` came before. The same names
        may mean others by now."""
        return await self._askings.shown(self._named(asking), question.approval)

    async def last(self, asking: Sequence[Any]) -> Approval | None:
        """What a person was shown when `asking` came the last time, as it stands."""
        return await self._approvals.find(await self._askings.last(self._named(asking)))

    async def answer(self, approval: str, *, yes: bool, way: str) -> bool:
        """A person's answer to a call's question, which finds it there. Whether it waited for that
        still."""
        answer = self._approvals.answer
        return await answer(approval, yes=yes, grade=1, way=way, heard=HEARD) is not None

    async def refuse(self, asking: Sequence[Any], *, way: str) -> bool:
        """A person said no to what they were shown when `asking` came, and the framework does not
        call again. Whether that waited still."""
        last = await self.last(asking)
        return last is not None and await self.answer(last.id, yes=False, way=way)

    def _named(self, asking: Sequence[Any]) -> str:
        return _hashed([*asking, self._fixed] if self._fixed else asking)


def may_be_done(outcome: Outcome) -> bool:
    """Whether anything came of it, or may have."""
    if outcome.is_error:
        return outcome.payload["error"]["kind"] in MAY_BE_DONE
    data = outcome.payload.get("data")
    return not (isinstance(data, dict) and cast("dict[str, Any]", data).get("dry_run") is True)


def _hashed(named: Sequence[Any]) -> str:
    return sha256(json.dumps(named, sort_keys=True, default=repr).encode()).hexdigest()
