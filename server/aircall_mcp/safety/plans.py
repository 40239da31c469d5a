"""Plans: several effects that a person sees in full, approves once, and that are then performed one
after the other.

A plan is a call of `aircall_plan`, whoever wished for it: its identity is the hash over its steps
as they were bound, in their order. Whoever holds the account's lock performs it, item by item
through the gate and the journal. Where that ends early it waits, and the very same call goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from ..errors import (
    ArgumentError,
    Duplicate,
    NeedsConfirmation,
    OutcomeUnknown,
    Refused,
    ToolError,
    TooMuch,
    quoted,
)
from ..gateway.gate import Ask, Tried
from ..gateway.request import Brake
from ..ground.caller import AccountName, Caller
from ..ground.clock import Clock
from ..ground.operation import AtStake, Bound, Operation
from ..ground.reply import Reply
from .drafts import Drafts
from .planned import KEPT, OVER, Kept, Outcome
from .safety import Safety

if TYPE_CHECKING:
    from ..gateway.journal import Intent
    from ..storage.lock import Latch
    from ..storage.store import Transaction
    from .deed import Deed

log = logging.getLogger(__name__)

MOST: Final = 100
"""Steps of one plan."""
STINT: Final = 40.0
"""Seconds after which no further item begins while nobody watches the progress: a client gives up
on a call after a minute, and what it makes again goes on."""
LONGEST: Final = 600.0
"""The same where somebody watches."""
JUST_NOW: Final = 120.0
"""Seconds after its end in which the same call is answered with what came of it."""

LONGEST_SAID: Final = 300
"""Characters of why an item failed, beyond which it is only said that it did."""

AGAIN: Final = "Make the very same call again to go on."
_INTENT_OUTCOMES: Final[dict[str, Outcome]] = {
    "done": "done",
    "failed": "failed",
    "not_sent": "waiting",
    "unknown": "unknown",
    "over": "unknown",
}


@dataclass(frozen=True, slots=True)
class Whole:
    """What the policy says of all steps together: who acts, what must be asked, if anything, and
    whether that is since it is a quiet hour of somebody."""

    account: str
    ask: Ask | None
    deeds: tuple[Deed, ...]
    quiet: bool = False


class Judges(Protocol):
    async def account(self, steps: Sequence[Bound], caller: Caller, /) -> str:
        """The one that acts in all of them. Raises `ArgumentError` where there are several."""
        ...

    async def whole(
        self, steps: Sequence[Bound], caller: Caller, /, *, past: Collection[int] = ()
    ) -> Whole:
        """`past` are the places of those that are no matter any more. Raises `NotAllowed`, which
        names the step, and `ArgumentError` for several accounts."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What may be performed: `bound` has the `steps`, `kept` what is known of it."""

    bound: Bound
    kept: Kept

    @property
    def account(self) -> str:
        return self.kept.account


@dataclass(frozen=True, slots=True)
class Performed:
    """How the plan stands. `replies` are those of the steps (from 0) that this call performed;
    `why` it does not go on now, and `hint` what to do about that, both empty where it is over."""

    kept: Kept
    replies: dict[int, Reply] = field(default_factory=dict[int, Reply])
    why: str = ""
    hint: str = ""


class Plans:
    """`operation` is that of `aircall_plan`. `send` performs one item; `fate` says what the journal
    knows of one; `latch` is the lock of an account."""

    def __init__(
        self,
        operation: Operation,
        judge: Judges,
        safety: Safety,
        send: Callable[[Bound, Caller], Awaitable[Reply]],
        fate: Callable[[str], Awaitable[Intent | None]],
        *,
        latch: Callable[[str], Latch],
        brake: Brake,
        clock: Clock | None = None,
    ) -> None:
        self._operation = operation
        self._judge = judge
        self._safety = safety
        self._planned = safety.planned
        self._send = send
        self._fate = fate
        self._latch = latch
        self._brake = brake
        self._clock = clock or Clock()
        self._busy: set[AccountName] = set()
        self.drafts = Drafts(self._clock)

    async def propose(
        self, steps: Sequence[Bound], caller: Caller, account: str | None = None, *, tool: str = ""
    ) -> Plan:
        """The plan of these `steps`, judged whole: a new one that may be performed, or the one
        there is of exactly these. `tool` is what is to be called again, where that is another.

        Raises `NotAllowed` naming the step, `NeedsConfirmation` about the plan, `ArgumentError`;
        `Tried` in a trial.
        """
        if not 0 < len(steps) <= MOST:
            raise ArgumentError(f"A plan must have 1 to {MOST} steps.", hint="Make several plans.")
        caller = replace(caller, account=account or caller.account)
        if caller.trial:
            raise Tried(planned(self._operation, steps), caller)
        account = await self._judge.account(steps, caller)
        caller = replace(caller, account=account)
        bound = planned(self._operation, steps)
        identity = bound.identity(account)
        kept = await self._planned.latest(caller.principal, account, identity)
        if kept is not None and self._stands(kept):
            return Plan(bound, kept)
        going = kept if kept is not None and kept.standing == "running" else None
        # Of what began the caps know already, and nobody forbids what was done.
        whole = await self._judge.whole(steps, caller, past=going.past if going else ())
        given = going.given if going and not (whole.quiet and going.leased) else 0
        ask = whole.ask if whole.ask is not None and whole.ask.grade > given else None
        if going is not None and ask is None:
            return Plan(bound, going)
        for step in steps:
            self._brake(step.operation)

        def work(tx: Transaction) -> str:
            # The same call may have come twice at once: they are one plan.
            other = self._planned.latest_in(tx, caller.principal, whole.account, identity)
            there = other is not None and (other.standing == "running" or self._stands(other))
            if other is not None and there and going is None:
                return other.id
            name, grade, leases = "", given, list[str]()
            if ask is not None:
                name, grade, leases = self._yes(tx, whole, bound, ask, going)
            return self._planned.starting(
                tx,
                going,
                whole.deeds[0],
                identity,
                name=name,
                given=grade,
                tool=tool or self._operation.tool,
                items=[step.identity(whole.account) for step in steps],
                leases=leases,
            )

        name = await self._safety.state.write(work)
        return Plan(bound, await self._planned.known(name))

    async def find(self, name: str, principal: str) -> Kept | None:
        """The plan of this id, if it is that of `principal`."""
        kept = await self._planned.find(name)
        return kept if kept is not None and kept.principal == principal else None

    async def running(self, principal: str) -> Sequence[Kept]:
        """Those of `principal` that are not over."""
        return [one for one in await self._planned.running() if one.principal == principal]

    async def perform(self, plan: Plan, caller: Caller) -> Performed:
        """What waits of it, in order, and how it stands then. Nothing that began is begun again.

        Raises `NeedsConfirmation` where an item needs more of a yes by now, and `StoreError`.
        """
        if plan.kept.standing != "running":
            return Performed(plan.kept)
        latch = self._latch(plan.account)
        if plan.account in self._busy or not latch.take():
            why = "Another call is at a plan of this account."
            return Performed(plan.kept, why=why, hint=f"Wait for it. {AGAIN}")
        self._busy.add(plan.account)
        try:
            return await self._run(plan, caller)
        finally:
            self._busy.discard(plan.account)
            latch.release()

    def _stands(self, kept: Kept) -> bool:
        """Whether the same call is answered with what came of it: of one that ended a moment ago,
        or that does not go on and has begun, since another yes would do a part of it again."""
        now = self._clock.wall()
        if kept.standing in ("stopped", "expired") and kept.past and now - kept.made < KEPT:
            return True
        return kept.standing in ("stopped", "finished") and 0 <= now - kept.ended < JUST_NOW

    def _yes(
        self, tx: Transaction, whole: Whole, bound: Bound, ask: Ask, going: Kept | None
    ) -> tuple[str, int, list[str]]:
        """The id of a person's yes to all of it, its grade, and the lease of each item where leases
        are that yes, each that of a person seen. Raises `NeedsConfirmation`, and what was taken is
        undone."""
        this = {
            "principal": whole.deeds[0].principal,
            "account": whole.account,
            "identity": bound.identity(whole.account),
        }
        approvals = self._safety.approvals
        name, grade = approvals.using(tx, **this, grade=2 if ask.grade > 1 else 1)
        if name:
            return name, grade, []
        for one in (bound, *bound.steps):  # a no to one of them is one, however it is wrapped
            if approvals.denied(tx, **{**this, "identity": one.identity(whole.account)}):
                raise _asking(ask, bound, whole.account)
        if whole.quiet:  # no yes given ahead is one to that
            raise _asking(ask, bound, whole.account)
        leases: list[str] = []
        for place, deed in enumerate(whole.deeds):
            over = going is not None and going.items[place].outcome in OVER
            leases.append("" if over else self._safety.leases.using(tx, deed))
            if not (over or leases[-1]):
                raise _asking(ask, bound, whole.account)
        return "", 2, leases

    async def _run(self, plan: Plan, caller: Caller) -> Performed:
        kept = await self._planned.known(plan.kept.id)  # who had the lock may have finished it
        kept, waits = await self._settled(kept)
        if waits is not None:
            return waits
        until = self._clock.monotonic() + (LONGEST if caller.watched else STINT)
        replies: dict[int, Reply] = {}
        over: int | None = None
        outcome, said, why, hint = "waiting", "", "", ""
        places = [n for n, item in enumerate(kept.items) if item.outcome == "waiting"]
        if kept.standing != "running" or any(item.outcome == "unknown" for item in kept.items):
            places = []
        for place in places:
            if self._clock.monotonic() >= until:
                why, hint = "The time of one call is up.", AGAIN
                break
            if not await self._planned.next(kept.id, place, over, outcome, said):
                over = None
                break  # a person stopped it, or its day is over
            over, step = place, plan.bound.steps[place]
            await caller.progress(
                place, len(kept.items), f"step {place + 1}: {step.operation.tool}"
            )
            part = replace(caller, part=kept.part(place), account=plan.account)
            try:
                replies[place] = await self._send(step, part)
                outcome, said = "done", ""
            except NeedsConfirmation as error:
                await self._planned.next(kept.id, None, place, "waiting")
                over = None
                if not await self._goes_on(kept.id):
                    break
                raise _asking(
                    Ask(error.message, error.hint, error.grade), plan.bound, plan.account
                ) from None
            except ToolError as error:
                outcome, said = _outcome_of(error), quoted(error.message, LONGEST_SAID)
                if outcome in ("waiting", "unknown"):
                    why, hint = f"Step {place + 1}: {error.message}", error.hint
                    break
        if over is not None:
            await self._planned.next(kept.id, None, over, outcome, said)
        return await self._ended(kept.id, replies, why, hint)

    async def _goes_on(self, name: str) -> bool:
        return (await self._planned.known(name)).standing == "running"

    async def _settled(self, kept: Kept) -> tuple[Kept, Performed | None]:
        """What whoever was at it left begun, by what the journal knows of it: nothing is on its way
        that is not written there."""
        for place, item in enumerate(kept.items):
            if item.outcome != "begun":
                continue
            intent = await self._fate(kept.part(place))
            if intent is not None and intent.under_way:
                left = max(1, round(intent.patience - intent.age))
                why = f"Step {place + 1} was sent by a call that is gone, and may come to an end."
                return kept, Performed(kept, why=why, hint=f"In {left} s: {AGAIN}")
            outcome = "waiting" if intent is None else _INTENT_OUTCOMES[intent.outcome]
            said = f"status {intent.status}" if intent is not None and intent.status else ""
            await self._planned.next(kept.id, None, place, outcome, said)
        return await self._planned.known(kept.id), None

    async def _ended(self, name: str, replies: dict[int, Reply], why: str, hint: str) -> Performed:
        kept = await self._planned.known(name)
        unknown = [n for n, item in enumerate(kept.items, 1) if item.outcome == "unknown"]
        if unknown:
            why = why or f"Step {unknown[0]}: whether it took effect is not known."
            await self._planned.end(name, "stopped", why)
        elif all(item.outcome in OVER for item in kept.items):
            await self._planned.end(name, "finished")
            why = hint = ""
        elif hint != AGAIN and AGAIN not in hint:
            hint = f"{hint} {AGAIN}".strip()
        return Performed(await self._planned.known(name), replies, why, hint)


def planned(operation: Operation, steps: Sequence[Bound]) -> Bound:
    """A call of `aircall_plan` with these steps, as the person is asked about it."""
    said = [{"operation": one.operation.id, "arguments": dict(one.arguments)} for one in steps]
    stakes: dict[AtStake, str] = {}
    for one in steps:
        stakes |= one.stakes
    return Bound(
        operation, {"steps": said}, operation.path, (), None, stakes=stakes, steps=tuple(steps)
    )


def told(performed: Performed) -> dict[str, Any]:
    """What a model hears of it: one word for each step in order, with why where it failed, and the
    ids of what this call made or changed."""
    kept = performed.kept
    data = standing_of(kept)
    data["outcomes"] = [
        item.outcome + (f": {item.said}" if item.said and item.outcome != "waiting" else "")
        for item in kept.items
    ]
    if any(ids := [_made(performed.replies.get(n)) for n in range(len(kept.items))]):
        data["ids"] = ids
    if kept.standing == "running" and performed.why:
        data |= {"why": performed.why, "next": performed.hint}
    return data


def _made(reply: Reply | None) -> int | str | None:
    """The id of what a step made or changed, where Aircall's answer tells it."""
    body: Any = None if reply is None else reply.body
    if not isinstance(body, Mapping):
        return None
    parts = cast("Mapping[str, Any]", body)
    for one in (parts, *parts.values()):
        found: Any = cast("Mapping[str, Any]", one).get("id") if isinstance(one, Mapping) else None
        if isinstance(found, int | str):
            return found
    return None


def standing_of(kept: Kept) -> dict[str, Any]:
    """How a plan stands, with the next step."""
    over = sum(item.outcome in OVER for item in kept.items)
    data: dict[str, Any] = {
        "plan": kept.id,
        "standing": "waits" if kept.standing == "running" else kept.standing,
        "done": kept.done,
        "over": over,
        "steps": len(kept.items),
    }
    if kept.why:
        data["why"] = kept.why
    if kept.standing == "running":
        data["next"] = f"Make the very same call of {kept.tool} again: it goes on where it is."
    elif kept.standing in ("stopped", "expired") and over < len(kept.items):
        data["next"] = (
            "It does not go on. Look at what became of each step; what is still wanted is another"
            " plan, of those steps alone."
        )
    return data


def _asking(ask: Ask, bound: Bound, account: str) -> NeedsConfirmation:
    return NeedsConfirmation(
        ask.words, hint=ask.hint, grade=ask.grade, account=account, about=bound
    )


def _outcome_of(error: ToolError) -> Outcome:
    """What an item has become that ended so; `waiting`: nothing was done, and it may go later."""
    if isinstance(error, Duplicate):
        return "duplicate"
    if isinstance(error, (OutcomeUnknown, TooMuch)):
        return "unknown"
    return "failed" if isinstance(error, (Refused, ArgumentError)) else "waiting"
