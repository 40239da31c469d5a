"""The gate's judge: collects what the policy needs to know, and holds what a yes used up.

A read costs nothing here. An effect that is allowed takes its place under a cap; one that needs a
yes uses it up. Both are given back where nothing was done.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

from ..errors import (
    ArgumentError,
    CredentialError,
    NotAllowed,
    SettingsError,
    StoreError,
    ToolError,
)
from ..gateway.gate import Allow, Ask, Deny, Verdict
from ..ground.caller import Caller
from ..ground.clock import Clock
from ..ground.effects import Allowance
from ..ground.operation import Bound
from .deed import Counted, Deed, deed_of
from .destinations import destination_of
from .holds import LeftAlone, NoRoom, NoYes
from .plans import Whole
from .policy import ALLOWED, SUPPRESSED, Cap, Facts, Look, Policy, Ruling, ruling_of
from .safety import Safety
from .wording import who_changes

log = logging.getLogger(__name__)

UNASKED: Final[frozenset[Allowance]] = frozenset({"read", "write"})
"""What is done with nobody's yes where no policy says otherwise: nothing else is at stake."""


class World(Protocol):
    """What is known of the company, each asked for only where the policy needs it."""

    async def account(self, named: str | None, /) -> str:
        """The account that acts where `named` is said, or nothing is. Raises `CredentialError`."""
        ...

    async def home(self, account: str, /) -> frozenset[str] | None:
        """The countries of its numbers, None where they cannot be read."""
        ...

    async def known(self, account: str, numbers: tuple[str, ...], /) -> frozenset[str]:
        """Those of `numbers` (E.164) that the company has had to do with."""
        ...

    async def own(self, account: str, /) -> Mapping[str, int] | None:
        """The ids of its own numbers, by how `phones.meant` spells these, None where they cannot
        be read."""
        ...

    async def taken_for_real(self) -> str:
        """The address of this machine that is taken for the real host, if it is one, and no sandbox
        of ours listens there at this moment."""
        ...

    async def at_sandbox(self) -> bool:
        """Whether our own sandbox listens where Aircall is asked, at this moment, and its owner
        does not want to be asked there."""
        ...


class Judge:
    """`policy` gives the one that holds now; it raises `SettingsError` where the file is broken.
    `standing` is what the owner's `--allow` names; `everything`: all is allowed, in the built-in
    sandbox."""

    def __init__(
        self,
        policy: Callable[[], Policy],
        world: World,
        safety: Safety,
        *,
        standing: frozenset[Allowance] = frozenset(),
        everything: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._policy = policy
        self._world = world
        self._usage = safety.usage
        self._holds = safety.holds
        self._standing = standing
        self._everything = everything
        self._clock = clock or Clock()

    async def __call__(self, bound: Bound, caller: Caller) -> Verdict:
        """See `gateway.gate`. Raises `CredentialError`, `StoreError`."""
        if caller.person or self._everything:
            return Allow()
        try:
            policy = self._policy()
        except (SettingsError, StoreError) as error:
            return _unreadable(bound, error)
        if _harmless(policy, bound):
            return Allow()
        if waived := await self._waived(bound):
            return Allow(waived=waived)
        deed = deed_of(bound, caller, await self._account(bound, caller))
        ruling = await self._ruling(policy, deed, suppressed=frozenset())
        if ruling.say == "deny":
            return Deny(_refused(bound, ruling))
        return await self._held(policy, bound, deed, ruling, caller.part)

    async def account(self, steps: Sequence[Bound], caller: Caller) -> str:
        """The one that acts in all `steps`. Raises `ArgumentError` where there are several."""
        accounts = {await self._account(one, caller) for one in steps}
        if len(accounts) > 1:
            raise ArgumentError(
                "All steps of a plan must be for one account.", hint="Make a plan for each account."
            )
        return accounts.pop()

    async def whole(
        self, steps: Sequence[Bound], caller: Caller, *, past: Collection[int] = ()
    ) -> Whole:
        """What is said of `steps` together, but for those at the places `past`: the strictest over
        all of them, for as many people as they reach in all, and the caps for their sum. Raises
        `NotAllowed` for the first step that is denied, `ArgumentError` for steps of several
        accounts."""
        whole, ruling = await self._together(steps, caller, past)
        if ruling.say == "ask":
            return replace(whole, ask=await self._asked(whole.deeds[0], ruling))
        return whole

    async def _together(
        self, steps: Sequence[Bound], caller: Caller, past: Collection[int] = ()
    ) -> tuple[Whole, Ruling]:
        account = await self.account(steps, caller)
        deeds = [deed_of(one, caller, account) for one in steps]
        whole = Whole(account, None, tuple(deeds))
        if caller.person or self._everything:
            return whole, ALLOWED
        try:
            policy = self._policy()
        except (SettingsError, StoreError) as error:
            raise _broken(error) from None
        left = [(n, steps[n], deed) for n, deed in enumerate(deeds) if n not in past]
        together = len({number for *_, deed in left for number in deed.recipients})
        sizes = Counter[Counted | None]()
        for *_, deed in left:
            sizes[deed.counted] += deed.size
        strictest, quiet = ALLOWED, False
        for place, bound, deed in left:
            if _harmless(policy, bound) or await self._waived(bound):
                continue
            deed = replace(deed, size=sizes[deed.counted], together=together)
            ruling = await self._ruling(policy, deed, counting=True)
            if ruling.say == "deny":
                error = _refused(bound, ruling)
                raise NotAllowed(f"Step {place + 1}: {error.message}", hint=error.hint)
            strictest, quiet = strictest.stricter(ruling), quiet or ruling.quiet
        return replace(whole, quiet=quiet), strictest

    async def look(self, bound: Bound, caller: Caller) -> Look:
        """What would be said of it, with nothing used up; of a plan, of all its steps together.
        Raises `NotAllowed` for a broken file."""
        if bound.steps:
            try:
                whole, ruling = await self._together(bound.steps, caller)
            except NotAllowed as error:
                account = await self._account(bound.steps[0], caller)
                return Look(Ruling("deny", "a step of it", error.message), account)
            return Look(ruling, whole.account)
        try:
            policy = self._policy()
        except (SettingsError, StoreError) as error:
            raise _broken(error) from None
        account = await self._account(bound, caller)
        if self._everything or _harmless(policy, bound) or await self._waived(bound):
            return Look(ALLOWED, account)
        deed = deed_of(bound, caller, account)
        return Look(await self._ruling(policy, deed, counting=True), account)

    async def _account(self, bound: Bound, caller: Caller) -> str:
        """The account that acts; for what stays in the owner's home, none where there is none."""
        try:
            return await self._world.account(bound.account or caller.account)
        except CredentialError:
            if bound.operation.ours:
                return ""
            raise

    async def _ruling(
        self,
        policy: Policy,
        deed: Deed,
        *,
        counting: bool = False,
        suppressed: frozenset[str] | None = None,
    ) -> Ruling:
        """`counting` asks the caps, too; what is about to be done takes its place instead, and in
        the same transaction looks who is `suppressed`."""
        reaches, counting = bool(deed.recipients), counting and deed.counted in policy.caps
        if suppressed is None:
            suppressed = await self._usage.left_alone(_ringing(deed)) if reaches else frozenset()
        facts = Facts(
            now=self._clock.wall(),
            home=await self._home(policy, deed) if reaches else None,
            suppressed=suppressed,
            known=frozenset(deed.recipients),
            used=await self._usage.used(deed.account) if counting else {},
            standing=self._standing,
            own=await self._own(policy, deed),
        )
        ruling = ruling_of(policy, deed, facts)
        if not reaches or ruling.say != "ask":
            return ruling  # who is known makes a question a graver one, and nothing else
        if ruling_of(policy, deed, replace(facts, known=frozenset())) != ruling:
            # Only here does it matter who is known, and to find out costs requests.
            known = await self._world.known(deed.account, deed.recipients)
            known -= await self._usage.introduced(known) if known else known
            ruling = ruling_of(policy, deed, replace(facts, known=known))
        return ruling

    async def _home(self, policy: Policy, deed: Deed) -> frozenset[str] | None:
        return await self._world.home(deed.account) if "home" in policy.countries else None

    async def _own(self, policy: Policy, deed: Deed) -> Mapping[str, int] | None:
        """To find out costs a request, and decides only where the policy names a number by itself
        and not by its id."""
        if not policy.phones or deed.needs == ("read",) or policy.numbers.issuperset(deed.senders):
            return None
        return await self._world.own(deed.account)

    async def _held(
        self, policy: Policy, bound: Bound, deed: Deed, ruling: Ruling, part: str
    ) -> Verdict:
        """The yes that is used up and the place that is taken, or what is missing."""
        cap: Cap | None = policy.caps.get(deed.counted) if deed.counted else None
        ringing = _ringing(deed)
        if ruling.say == "allow" and cap is None and not deed.introduces and not ringing:
            return Allow()
        identity = bound.identity(deed.account) if ruling.say == "ask" else ""
        try:
            held = await self._holds.take(deed, identity, ruling, cap, part=part, ringing=ringing)
        except LeftAlone:
            return Deny(_refused(bound, SUPPRESSED))
        except NoYes:
            return await self._asked(deed, ruling)
        except NoRoom:
            return Deny(_refused(bound, await self._full(policy, deed)))
        return Allow(undo=(lambda twice: self._holds.give_back(held, twice=twice),))

    async def _asked(self, deed: Deed, ruling: Ruling) -> Ask:
        words = _asking(ruling, await self._world.taken_for_real())
        return Ask(words, grade=ruling.grade, account=deed.account)

    async def _full(self, policy: Policy, deed: Deed) -> Ruling:
        """Why there was no place, in figures where it is so still."""
        ruling = await self._ruling(policy, deed, counting=True)
        if ruling.say == "deny":
            return ruling
        return Ruling("deny", f"caps.{deed.counted}", "others were quicker to fill it up")

    async def _waived(self, bound: Bound) -> tuple[Allowance, ...]:
        """What goes with nobody's yes since it is our own sandbox that is asked for it. What our
        own tools do stays in the owner's home, and goes on when the sandbox is gone."""
        needed: tuple[Allowance, ...] = (bound.operation.effect, *bound.stakes)
        lacking: tuple[Allowance, ...] = tuple(
            word for word in needed if word not in UNASKED | self._standing
        )
        if lacking and not bound.operation.ours and await self._world.at_sandbox():
            return lacking
        return ()


def _ringing(deed: Deed) -> set[str]:
    """Every number that may ring."""
    return {one for number in deed.recipients for one in destination_of(number).rings}


def _harmless(policy: Policy, bound: Bound) -> bool:
    """A read that no line of the policy speaks of."""
    operation = bound.operation
    if operation.effect != "read" or bound.stakes:
        return False
    return not (policy.written and (
        "read" in policy.effects
        or operation.id in policy.operations
        or operation.toolset in policy.toolsets
        or policy.rules
    ))  # fmt: skip


def _asking(ruling: Ruling, loopback: str) -> str:
    because = f", since {ruling.why}" if ruling.why else ""
    words = f"A person has to say yes first{because} ({ruling.rule})."
    if loopback:
        words += f" {loopback} is taken for the real host: no sandbox of this user's is there."
    return words


def _refused(bound: Bound, ruling: Ruling) -> ToolError:
    because = f": {ruling.why}" if ruling.why else ""
    return NotAllowed(
        f"{bound.operation.tool} is not allowed by the policy, {ruling.rule}{because}.",
        hint=who_changes(ruling),
    )


def _unreadable(bound: Bound, error: SettingsError | StoreError) -> Verdict:
    """A policy that nobody can read allows no effect; reads go on."""
    if bound.operation.effect == "read" and not bound.stakes:
        return Allow()
    log.error("the policy: %s", error.message)
    return Deny(_broken(error))


def _broken(error: SettingsError | StoreError) -> NotAllowed:
    return NotAllowed(
        f"The policy file of this server has an error, so nothing is done: {error.message}",
        hint=f"A person fixes the file: `aircall-mcp policy edit`. {error.hint}".strip(),
    )
