"""Answer one tool call: a name and arguments in, one JSON object out.

The MCP server, the command line and the Python toolkit all ask here, so that each of them has the
same validation, policy, budget and answers.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, cast

from .errors import ArgumentError, Declined, NeedsConfirmation, NotOffered, ToolError
from .gateway.gate import Tried
from .gateway.gateway import Gateway
from .gateway.zones import WhoseIs, ZoneOf, Zones
from .ground.caller import OWNER, Caller, Whose
from .ground.operation import Bound, Effect, Operation
from .ground.performs import Performer, performers_of, performs
from .ground.secrets import Scrubbed, Scrubber, cut
from .ground.weight import LIGHT
from .offer import Offer, Offers, Registry, tools
from .offer.questions import Named, preview_of
from .offer.stubs import stub_of
from .safety.approvals import HEARD, ONCE_MORE, SAID_YES, Approvals, approval_of
from .safety.plans import Plans
from .safety.policy import Grade, Look
from .safety.wording import trial_in, trial_of
from .workflows.yeses import Yeses

if TYPE_CHECKING:
    from .search import Index, Ranking

log = logging.getLogger(__name__)

Json = dict[str, Any]

LONGEST_QUERY = 2_000
"""Characters of a search query that are read."""

LONGEST_TOLD = 2_000
"""Characters of a preview that a model gets; a person sees all of it."""

TEXTS = frozenset({"send_text"})
"""Tools made of operations whose effects are all known before the first is performed."""

_NOTHING_SENT = "This was a dry run: nothing was sent."
_FIRST = "It is the first of what would be sent; the rest depends on what comes of it."

Looks: TypeAlias = Callable[[Bound, Caller], Awaitable[Look]]
"""What the policy would say about a call; nothing is used up."""

Circumstances: TypeAlias = Callable[[Bound], Iterable[str]]
"""What a person should know about a call besides its arguments, one sentence each."""

Names: TypeAlias = Callable[[Bound, str], Awaitable[Named]]
"""The names behind the ids among a call's arguments, as far as they are known."""


def _none_told(_bound: Bound) -> Iterable[str]:
    return ()


async def _as_named(account: str | None) -> Whose:
    return Whose("", account or "")


@dataclass(frozen=True, slots=True)
class Answer:
    """Success: `payload` is one JSON object, `written` the same as text."""

    payload: Json
    written: str
    is_error: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Failure:
    """Failure: `payload` is the error, with a hint."""

    payload: Json
    is_error: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Question:
    """Nothing was done: a person must say yes first.

    `preview` says in words to what, `operation` and `arguments` exactly; `needs` are the effect and
    what is at stake. `approval` is the id of what waits for the yes, which is as sure as `grade`
    says; `Desk.answer` takes it, and the identical call goes through once then. `payload` is the
    failure for whoever can ask nobody.
    """

    operation: Operation
    arguments: Mapping[str, Any]
    preview: str
    why: str
    needs: tuple[str, ...]
    approval: str
    grade: Grade
    payload: Json
    is_error: ClassVar[bool] = True

    @property
    def effect(self) -> Effect:
        return self.operation.effect


Outcome: TypeAlias = Answer | Failure | Question


class _Asked(Exception):
    """Carries a question up to whoever answers the call."""

    def __init__(self, question: Question) -> None:
        super().__init__(question.why)
        self.question = question


class Desk:
    """Connects the offers and the gateway. One for each process."""

    def __init__(
        self,
        offers: Offers,
        gateway: Gateway,
        *,
        time_zone: str | None = None,
        zone_of: ZoneOf | None = None,
        whose: WhoseIs = _as_named,
        scrubber: Scrubber | None = None,
        performers: Mapping[str, Performer] | None = None,
        approvals: Approvals | None = None,
        look: Looks | None = None,
        plans: Plans | None = None,
        circumstances: Circumstances = _none_told,
        names: Names | None = None,
    ) -> None:
        """Whatever leaves passes `scrubber`. `performers` answer the tools of ours that others
        perform, by operation id. `approvals` keep what waits for a person; without them what needs
        a yes is refused. `look` says what the policy makes of a call, for a dry run; `plans`
        perform several effects on one yes; `circumstances` what a person should know besides the
        arguments, and `names` what the ids among these are called. Times without an offset are read
        in `time_zone`, else in the zone that `zone_of` knows for their account (`whose` that is),
        else in the one that most of the company's users have."""
        self.offers = offers
        self._gateway = gateway
        self._scrubber = scrubber or Scrubber()
        self._approvals = approvals
        self._look = look
        self._yeses = Yeses(approvals, plans, self._step)
        self._circumstances = circumstances
        self._names = names
        self._whose = whose
        self.zones = Zones(
            gateway, self.registry.ids, configured=time_zone, zone_of=zone_of, whose=whose
        )
        self.performers: Mapping[str, Performer] = {
            **(performers or {}),
            **performers_of(Desk, lambda: self),
            **performers_of(Yeses, lambda: self._yeses),
        }

    @property
    def registry(self) -> Registry:
        """All operations, offered or not."""
        return self.offers.registry

    @cached_property
    def index(self) -> Index:
        """Made at the first search, so that the start does not pay for it."""
        from .search import Index

        return Index(self.registry.known)

    def rank(self, query: str, limit: int = 3) -> Ranking:
        return self.index.rank(query[:LONGEST_QUERY], limit)

    def offer(self, principal: str = OWNER) -> Offer:
        """The tools that `principal` may see and call."""
        return self.offers.to(principal)

    async def call(self, name: str, arguments: Any, caller: Caller) -> Outcome:
        """Call the tool `name`. Raises `NotOffered` for a name that is no tool here; every other
        failure a caller can understand becomes a `Failure`. What a `Question` is about is called
        again with the same arguments, once `answer` has taken a person's yes."""
        operation = self.offer(caller.principal).get(name)
        return await self._outcome(operation, arguments, caller)

    async def _outcome(
        self, operation: Operation, arguments: Any, caller: Caller, *, asks: bool = True
    ) -> Outcome:
        try:
            payload = await self._answer(operation, arguments, caller, asks=asks)
        except _Asked as asked:
            log.info("%s: a person is asked", asked.question.operation.tool)
            return asked.question
        except ToolError as error:
            log.info("%s: %s", operation.tool, error.kind)
            return Failure(self._scrubber.json(tools.error_of(error)))
        if self._gateway.sandbox and "data" in payload:
            payload["sandbox"] = True
        weight = LIGHT + 1 if self._scrubber.crowded else 0
        written, text = self._scrubber.written, tools.text_of(payload)
        return Answer(*await self._gateway.aside(lambda: written(payload, text), weight=weight))

    def scrub(self, text: str) -> Scrubbed:
        """`text` with secrets masked, for output that is not an outcome."""
        return self._scrubber.text(text)

    async def at_sandbox(self) -> bool:
        """Whether our own sandbox answers, built in or on a port of this machine."""
        return await self._gateway.at_sandbox()

    async def perform(self, operation: Operation, arguments: Any, caller: Caller) -> Outcome:
        """The same of any operation, for a script: what needs a yes is a `Failure` there."""
        return await self._outcome(operation, arguments, caller, asks=False)

    async def steps(
        self, operation: Operation, arguments: Any, caller: Caller
    ) -> tuple[Bound, ...]:
        """The effects that this call would have, as the steps of a plan; none is performed. Raises
        `ToolError`."""
        if operation.id not in TEXTS:
            return (await self._step({"operation": operation.id, "arguments": arguments}, caller),)
        bound = self._found(operation.id, caller).bind(arguments)
        try:
            await self._do(bound, replace(caller, trial=True))
        except Tried as tried:
            steps = tried.bound.steps or (tried.bound,)
            if bound.account is None:
                return steps
            # What names no account would be done for that of the script.
            ids, acts = self.registry.ids, {"account": bound.account}
            return tuple(ids[one.operation.id].bind({**one.arguments, **acts}) for one in steps)
        return ()

    async def acting(self, caller: Caller) -> Caller:
        """`caller` with the default account, if it names none. Raises `CredentialError`."""
        return replace(caller, account=(await self._whose(caller.account)).account or None)

    async def _answer(
        self, operation: Operation, arguments: Any, caller: Caller, *, asks: bool = True
    ) -> Json:
        dry, arguments = trial_in(operation, arguments)
        zone, note = await self.zones.for_call(operation, arguments, caller)
        bound = operation.bind(arguments, zone=zone)
        try:
            payload = await (self._tried(bound, caller) if dry else self._do(bound, caller))
        except NeedsConfirmation as error:
            if self._approvals is None or not asks:
                raise
            raise _Asked(await self._question(bound, error, caller, self._approvals)) from None
        return {**payload, "notes": [note, *payload.get("notes", ())]} if note else payload

    async def _do(self, bound: Bound, caller: Caller) -> Json:
        operation = bound.operation
        if operation.ours and bound.account:  # what it asks of Aircall is asked of that company
            caller = replace(caller, account=bound.account)
        if operation.composed:  # what it performs is judged by itself
            return await self.performers[operation.id](bound.arguments, caller)
        if operation.ours:
            async with self._gateway.admitted(bound, caller):
                return await self.performers[operation.id](bound.arguments, caller)
        scrub = self._scrubber.text
        shaped = tools.shaped_for(bound, scrub)
        reply = await self._gateway.read(bound, caller, tools.room_in(bound, shaped))
        return await self._gateway.aside(
            lambda: tools.result_of(bound, reply, scrub, shaped), weight=reply.weight
        )

    async def _tried(self, bound: Bound, caller: Caller) -> Json:
        """What would be sent, and what the policy says. Nothing is sent, and no yes is used up."""
        if bound.steps:
            looks = [(await self._tried(step, caller))["data"] for step in bound.steps]
            whole = None if self._look is None else await self._look(bound, caller)
            told = trial_of(bound, whole)
            return {**told, "data": {**told["data"], "trials": looks}}
        if bound.operation.composed:
            try:
                payload = await self._do(bound, replace(caller, trial=True))
            except Tried as tried:
                told = await self._tried(tried.bound, replace(tried.caller, trial=False))
                return told if tried.bound.steps else told | {"notes": [_NOTHING_SENT, _FIRST]}
            return {**payload, "notes": [_NOTHING_SENT, *payload.get("notes", ())]}
        look = None if self._look is None else await self._look(bound, caller)
        return trial_of(bound, look)

    async def answer(
        self, approval: str, *, yes: bool, grade: Grade, way: str, heard: float = HEARD
    ) -> bool:
        """A person's answer to what waits as `approval`, which the caller hears, and `heard`
        seconds later still; whether it waited for that."""
        if self._approvals is None:
            return False
        answer = self._approvals.answer
        return await answer(approval, yes=yes, grade=grade, way=way, heard=heard) is not None

    async def standing(self, approval: str) -> str:
        """The state of the approval with this id; empty if there is none."""
        found = None if self._approvals is None else await self._approvals.find(approval)
        return "" if found is None else found.standing

    async def _question(
        self, bound: Bound, error: NeedsConfirmation, caller: Caller, approvals: Approvals
    ) -> Question:
        about = error.about if isinstance(error.about, Bound) else bound
        operation, scrub = about.operation, self._scrubber.text
        words = error.account, error.message, scrub, list(self._circumstances(about))
        # A person sees what ids are called: a model would read strangers' words in a name.
        names = await self._names(about, error.account) if self._names else None
        plain, preview = (preview_of(about, *words, known) for known in (None, names))
        waiting = await approvals.ask(
            principal=caller.principal,
            account=error.account,
            operation=bound.operation.tool,  # which is to be called again
            identity=about.identity(error.account),
            preview=preview,
            grade=cast("Grade", error.grade),
        )
        if waiting.standing == "refused":
            raise Declined
        if waiting.standing == "approved":  # while this was worded
            raise NeedsConfirmation(SAID_YES, hint=ONCE_MORE)
        told, named = tools.error_of(error), f" of {bound.operation.tool}" * (about is not bound)
        told["error"] |= {
            "hint": f"Tell your user what waits for them. {waiting.way_to_yes} Then make the very"
            f" same call{named} again: it goes through once. aircall_approval_status says how it"
            " stands.",
            "approval": {
                **approval_of(waiting, about.effects[-1]),
                "preview": cut(plain, LONGEST_TOLD, "…"),  # a model knows what it asked for
            },
        }
        return Question(
            operation=operation,
            arguments=about.arguments,
            preview=preview,
            why=scrub(error.message),
            needs=(*about.effects, *about.stakes),
            approval=waiting.id,
            grade=waiting.grade,
            payload=self._scrubber.json(told),
        )

    async def _step(self, step: Mapping[str, Any], caller: Caller) -> Bound:
        operation = self._found(step["operation"], caller)
        if operation.effect == "read" or operation.ours:
            whole = operation.effect != "read" and operation.stands_for
            parts = [self.registry.ids[name] for name in whole or ()]
            said = " ".join(f"Its step is {p.id}, with {', '.join(p.required)}." for p in parts)
            raise ArgumentError(
                f"{operation.tool} cannot be a step of a plan.",
                hint=said
                or "Steps are operations at Aircall that change something; call other"
                " tools on their own.",
            )
        given = step.get("arguments", {})
        zone, _ = await self.zones.for_call(operation, given, caller)
        return operation.bind(given, zone=zone)

    @performs("search")
    async def _search(self, arguments: Mapping[str, Any], caller: Caller) -> Json:
        ranking = self.rank(arguments["query"], arguments.get("limit", 3))
        offer = self.offer(caller.principal)
        return tools.matches_of(
            ranking, offered=offer, known=self.registry.ids, surface=offer.surface
        )

    @performs("describe")
    async def _describe(self, arguments: Mapping[str, Any], caller: Caller) -> Json:
        if "stubs" in arguments:
            found = [self._found(name, caller) for name in arguments["stubs"]]
            return {"stubs": [stub_of(one, bare=True) for one in found]}
        return tools.description_of(self._found(arguments["operation"], caller), self.registry.ids)

    @performs("read")
    async def _read(self, arguments: Mapping[str, Any], caller: Caller) -> Json:
        return await self._perform("read", arguments, caller)

    @performs("write")
    async def _write(self, arguments: Mapping[str, Any], caller: Caller) -> Json:
        return await self._perform("write", arguments, caller)

    @performs("reach")
    async def _reach(self, arguments: Mapping[str, Any], caller: Caller) -> Json:
        return await self._perform("reach", arguments, caller)

    @performs("delete")
    async def _delete(self, arguments: Mapping[str, Any], caller: Caller) -> Json:
        return await self._perform("delete", arguments, caller)

    async def _perform(self, effect: Effect, arguments: Mapping[str, Any], caller: Caller) -> Json:
        operation = self._found(arguments["operation"], caller)
        if self.offer(caller.principal).surface in operation.surfaces:
            raise ArgumentError(
                f"{operation.tool} is a tool of its own here.",
                hint=f"Call {operation.tool}, with what is in `arguments` here as its arguments.",
            )
        if operation.effect != effect:
            raise ArgumentError(
                f"{operation.tool} is not a {effect} operation.",
                hint=f"Call it with aircall_{operation.effect}.",
            )
        return await self._answer(operation, arguments.get("arguments", {}), caller)

    def _found(self, name: str, caller: Caller) -> Operation:
        try:
            operation = self.registry.find(name)
        except NotOffered as error:
            raise ArgumentError(
                error.message, hint=f"{error.hint} aircall_search finds operations.".strip()
            ) from None
        if operation not in self.offer(caller.principal):
            why = self.offer(caller.principal).why_not(operation)
            raise ArgumentError(f"{operation.tool} is not offered here.", hint=why)
        return operation
