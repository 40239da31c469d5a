"""What a model may know about a person's yes, and how it performs what has one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..errors import ArgumentError, NotAllowed, ToolError
from ..ground.caller import Caller
from ..ground.operation import Bound
from ..ground.performs import performs
from ..safety.approvals import Approvals, standing_of
from ..safety.plans import Performed, Plan, Plans
from ..safety.plans import standing_of as plan_standing_of
from ..safety.plans import told as plan_told

Json = dict[str, Any]


class Yeses:
    """`step` binds one step of a plan, as the caller may call it. Without `approvals` nothing waits
    here, without `plans` none is carried out."""

    def __init__(
        self,
        approvals: Approvals | None,
        plans: Plans | None,
        step: Callable[[Mapping[str, Any], Caller], Awaitable[Bound]],
    ) -> None:
        self._approvals = approvals
        self._plans = plans
        self._step = step

    @performs("approval_status")
    async def approval_status(self, arguments: Mapping[str, Any], caller: Caller) -> Json:
        name = arguments.get("id")
        if name is None:
            return {"data": await self._waiting_for(caller)}
        name = name.strip()
        found = None if self._approvals is None else await self._approvals.find(name)
        plan = None if self._plans is None else await self._plans.find(name, caller.principal)
        if plan is not None:
            return {"data": plan_standing_of(plan)}
        if found is None or found.principal != caller.principal:
            raise ArgumentError(
                "There is no approval with this id.", hint="It is in the needs_confirmation answer."
            )
        return {"data": standing_of(found)}

    async def _waiting_for(self, caller: Caller) -> Json:
        waiting = () if self._approvals is None else await self._approvals.waiting()
        mine = [standing_of(one) for one in waiting if one.principal == caller.principal]
        plans = () if self._plans is None else await self._plans.running(caller.principal)
        going = {"plans": [plan_standing_of(one) for one in plans]} if plans else {}
        return {"waiting": mine, **going}

    @performs("plan")
    async def plan(self, arguments: Mapping[str, Any], caller: Caller) -> Json:
        """Several effects, shown whole and performed one after the other."""
        if self._plans is None:
            raise NotAllowed("Plans are not available here.", hint="Make the calls one by one.")
        if "draft" in arguments:
            plan = await self._of_draft(self._plans, arguments, caller)
            return _told(await self._plans.perform(plan, caller))
        steps: list[Bound] = []
        for number, step in enumerate(arguments["steps"], 1):
            try:
                steps.append(await self._step(step, caller))
            except ToolError as error:
                error.message = f"Step {number}: {error.message}"
                raise
        plan = await self._plans.propose(steps, caller)
        return _told(await self._plans.perform(plan, caller))

    async def _of_draft(self, plans: Plans, arguments: Mapping[str, Any], caller: Caller) -> Plan:
        """The plan of what a script collected, without the script."""
        draft = plans.drafts.find(arguments["draft"], caller.principal)
        if draft is None:
            raise ArgumentError(
                "There is no draft with this id here, or not any more.",
                hint="Give the steps that the script's answer listed, or run the script again.",
            )
        if arguments.get("account") not in (None, draft.account):
            raise ArgumentError(
                f"This draft belongs to the account {draft.account}.", hint="Leave `account` out."
            )
        return await plans.propose(draft.steps, caller, draft.account)


def _told(performed: Performed) -> Json:
    """Marked where a sandbox on a port of this machine did it; the built-in one marks all."""
    marked = any(reply.sandbox for reply in performed.replies.values())
    return {"data": plan_told(performed), **({"sandbox": True} if marked else {})}
