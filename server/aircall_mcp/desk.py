"""Answer one tool call: a name and arguments in, one JSON object out.

The MCP server, the command line and the Python toolkit all ask here, so that each of them has the
same validation, policy, budget and answers.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo
from functools import cached_property
from typing import Any, ClassVar, TypeAlias, cast
from zoneinfo import ZoneInfo

from .errors import ArgumentError, NeedsConfirmation, NotOffered, ToolError, quoted
from .gateway.ask import Aircall
from .gateway.gate import Tried
from .gateway.gateway import Gateway
from .ground.caller import OWNER, Caller, Whose
from .ground.operation import EFFECTS, PAGE_SIZE, Bound, Effect, Operation
from .ground.performs import Performer, performers_of, performs
from .ground.secrets import Scrubbed, Scrubber, cut
from .ground.weight import LIGHT
from .offer import Offer, Offers, Registry, tools
from .offer.questions import Named, preview_of
from .safety.approvals import Approvals, approval_of, new_name
from .safety.plans import Plans
from .safety.policy import Grade, Look
from .safety.wording import trial_of
from .search import Index, Ranking
from .workflows.yeses import Yeses

log = logging.getLogger(__name__)

Json = dict[str, Any]

LONGEST_QUERY = 2_000
"""Characters of a need that are looked at."""

LONGEST_TOLD = 2_000
"""Characters of a preview that a model is told; a person is shown it whole."""

LONGEST_LOOK = 5.0
"""Seconds that the look for the company's time zone may take from the call that needs it."""

_IN_UTC = (
    "Times without an offset were read as UTC, since the company's time zone is not known here:"
    " write them like 2026-11-18T09:00:00+01:00, or set AIRCALL_MCP_TIME_ZONE."
)

_NOTHING_SENT = "This was a dry run: nothing was sent."
_FIRST = "It is the first of what would be sent; the rest depends on what comes of it."

Looks: TypeAlias = Callable[[Bound, Caller], Awaitable[Look]]
"""What the policy makes of a call, with nothing used up."""

Circumstances: TypeAlias = Callable[[Bound], Iterable[str]]
"""What a person should know of a call besides its arguments, a sentence each."""

Names: TypeAlias = Callable[[Bound, str], Awaitable[Named]]
"""What the ids among the arguments of a call are called in an account, as far as that is known."""

ZoneOf = Callable[[str | None], Awaitable[str | None]]
"""From an account to the time zone that its owner gave it."""

WhoseIs = Callable[[str | None], Awaitable[Whose]]
"""From an account, or from none named, to whose that is at this moment."""


def _none_told(_bound: Bound) -> Iterable[str]:
    return ()


async def _as_named(account: str | None) -> Whose:
    return Whose("", account or "")


@dataclass(frozen=True, slots=True)
class Answer:
    """It went well: `payload` is one JSON object, `written` the same as text."""

    payload: Json
    written: str
    is_error: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Failure:
    """It did not: `payload` tells of the error, with a hint."""

    payload: Json
    is_error: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Question:
    """Nothing was done: a person must say yes first.

    `preview` says in words to what, `operation` and `arguments` exactly; `needs` are the effect and
    what is at stake. `approval` is the id of what waits for the yes, which is as sure as `grade`
    says, and waited before this call where it was `asked_before`; `Desk.answer` takes it, and the
    identical call goes through once then. `payload` is the failure for whoever can ask nobody.
    """

    operation: Operation
    arguments: Mapping[str, Any]
    preview: str
    why: str
    needs: tuple[str, ...]
    approval: str
    grade: Grade
    payload: Json
    asked_before: bool = False
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
    """Holds the offers and the gateway together. One for a process."""

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
        arguments, and `names` what the ids among these are called. Times without
        an offset are read in `time_zone`, else in the zone that `zone_of` knows for their account
        (`whose` that is), else in the one that most of the company's users have."""
        self.offers = offers
        self._gateway = gateway
        self._scrubber = scrubber or Scrubber()
        self._approvals = approvals
        self._look = look
        self._yeses = Yeses(approvals, plans, self._step)
        self._circumstances = circumstances
        self._names = names
        self._zone: tzinfo | None = ZoneInfo(time_zone) if time_zone else None
        self._zone_known = zone_of
        self._whose = whose
        self._zones: dict[Whose, tzinfo | None] = {}
        self.performers: Mapping[str, Performer] = {
            **(performers or {}),
            **performers_of(Desk, lambda: self),
            **performers_of(Yeses, lambda: self._yeses),
        }

    @property
    def registry(self) -> Registry:
        """All operations, on offer or not."""
        return self.offers.registry

    @cached_property
    def index(self) -> Index:
        """Made at the first search, so that the start does not pay for it."""
        return Index(self.registry.known)

    def rank(self, query: str, limit: int = 3) -> Ranking:
        return self.index.rank(query[:LONGEST_QUERY], limit)

    def offer(self, principal: str = OWNER) -> Offer:
        """What `principal` may see and call."""
        return self.offers.to(principal)

    async def call(self, name: str, arguments: Any, caller: Caller) -> Outcome:
        """Call the tool `name`. Raises `NotOffered` for a name that is no tool here; every other
        failure a caller can understand becomes a `Failure`. What a `Question` is about is called
        again with the same arguments, once `answer` has taken a person's yes."""
        operation = self.offer(caller.principal).get(name)
        try:
            payload = await self._answer(operation, arguments, caller)
        except _Asked as asked:
            log.info("%s: a person is asked", asked.question.operation.tool)
            return asked.question
        except ToolError as error:
            log.info("%s: %s", operation.tool, error.kind)
            return Failure(self._scrubber.json(tools.error_of(error)))
        weight = LIGHT + 1 if self._scrubber.crowded else 0
        written = self._scrubber.written
        return Answer(*await self._gateway.aside(lambda: written(payload), weight=weight))

    def scrub(self, text: str) -> Scrubbed:
        """`text` as it may leave, for who tells of something else than an outcome."""
        return self._scrubber.text(text)

    async def at_sandbox(self) -> bool:
        """Whether our own sandbox answers, built in or on a port of this machine."""
        return await self._gateway.at_sandbox()

    async def _answer(self, operation: Operation, arguments: Any, caller: Caller) -> Json:
        dry, arguments = _dry(operation, arguments)
        zone, note = await self._zone_of(operation, arguments, caller)
        bound = operation.bind(arguments, zone=zone)
        try:
            payload = await (self._tried(bound, caller) if dry else self._do(bound, caller))
        except NeedsConfirmation as error:
            if self._approvals is None:
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
        """What would be sent, and what the policy would say: nothing is, and no yes is used up."""
        if bound.steps:
            looks = [(await self._tried(step, caller))["data"] for step in bound.steps]
            return {"data": {"dry_run": True, "trials": looks}, "notes": [_NOTHING_SENT]}
        if bound.operation.composed:
            try:
                payload = await self._do(bound, replace(caller, trial=True))
            except Tried as tried:
                told = await self._tried(tried.bound, replace(tried.caller, trial=False))
                return told if tried.bound.steps else told | {"notes": [_NOTHING_SENT, _FIRST]}
            return {**payload, "notes": [_NOTHING_SENT, *payload.get("notes", ())]}
        look = None if self._look is None else await self._look(bound, caller)
        return trial_of(bound, look)

    async def answer(self, approval: str, *, yes: bool, grade: Grade, way: str) -> bool:
        """A person's answer to what waits as `approval`; whether it still waited for that."""
        if self._approvals is None:
            return False
        return await self._approvals.answer(approval, yes=yes, grade=grade, way=way) is not None

    async def standing(self, approval: str) -> str:
        """How what a person was asked stands; empty where nothing of that id is known."""
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
            name=(name := new_name()),
            principal=caller.principal,
            account=error.account,
            operation=bound.operation.tool,  # which is to be called again
            identity=about.identity(error.account),
            preview=preview,
            grade=cast("Grade", error.grade),
        )
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
            asked_before=waiting.id != name,
        )

    async def _step(self, step: Mapping[str, Any], caller: Caller) -> Bound:
        operation = self._found(step["operation"], caller)
        if operation.effect == "read" or operation.ours:
            raise ArgumentError(
                f"{operation.tool} is no step of a plan.",
                hint="Steps are operations at Aircall that change something; call the rest itself.",
            )
        given = step.get("arguments", {})
        zone, _ = await self._zone_of(operation, given, caller)
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
        called_itself = self.offer(caller.principal).surface in operation.surfaces
        if operation.effect != effect or called_itself:
            right = "itself" if called_itself else f"aircall_{operation.effect}"
            raise ArgumentError(
                f"{operation.tool} is no {effect} operation.", hint=f"Call it with {right}."
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
            raise ArgumentError(
                f"{operation.tool} is not on offer here.",
                hint="The owner's selection of tools leaves it out.",
            )
        return operation

    async def _zone_of(
        self, operation: Operation, arguments: Any, caller: Caller
    ) -> tuple[tzinfo | None, str]:
        """The zone that reads times without an offset, asked for only where there are some; and
        what must be said where none could be learnt and UTC stands in. Nothing is read less for
        that, but nothing is done by a time that may be hours off either."""
        if self._zone is not None or not isinstance(arguments, Mapping):
            return self._zone, ""
        named = cast("Mapping[str, Any]", arguments)
        if not operation.needs_zone(named):
            return None, ""
        # What is refused, an account that is not on offer above all, asks nobody for a zone.
        account = operation.bind(named).account or caller.account
        return await self.zone_of(replace(caller, account=account), of=operation)

    async def zone_of(
        self, caller: Caller, *, of: Operation | None = None
    ) -> tuple[tzinfo | None, str]:
        """The zone of the caller's account, and what must be said where UTC stands in for it.
        Raises `ToolError` where it cannot be looked up for what is no read."""
        if self._zone is not None:
            return self._zone, ""
        account = caller.account
        # Which account is meant by none may change, and so may whose a name is, and its zone.
        whose = await self._whose(account)
        if known := await self._zone_known(account) if self._zone_known else None:
            zone = _zone_here(known)
            return zone, "" if zone else _IN_UTC
        if whose not in self._zones:
            try:
                self._zones[whose] = await self._company_zone(whose.account or None, caller)
            except ToolError as error:
                if of is not None and of.effect != "read":
                    raise
                log.info("the company's time zone: %s", error.kind)
                return None, f"{_IN_UTC} It could not be looked up: {error.message}"
        zone = self._zones[whose]
        return zone, "" if zone else _IN_UTC

    async def _company_zone(self, account: str | None, caller: Caller) -> tzinfo | None:
        """The time zone most users of the company have."""
        asked = replace(caller, account=account, deadline=min(caller.deadline, LONGEST_LOOK))
        asking = Aircall(self._gateway, self.registry.ids, asked)
        body: Any = (await asking.ask("list_users_v2")).body
        users: Any = cast("Json", body).get("users") if isinstance(body, dict) else None
        listed = cast("list[Any]", users)[:PAGE_SIZE] if isinstance(users, list) else []
        zones = [cast("Json", one).get("time_zone") for one in listed if isinstance(one, dict)]
        known = [zone for zone in zones if isinstance(zone, str)]
        return _zone_here(max(sorted(set(known)), key=known.count)) if known else None


def _dry(operation: Operation, arguments: Any) -> tuple[bool, Any]:
    """Whether nothing is to be done, and the arguments without that word; a tool that performs
    another operation hands it on."""
    if not isinstance(arguments, Mapping):
        return False, arguments
    given = dict(cast("Mapping[str, Any]", arguments))
    dry = given.pop("dry_run", False)
    if dry not in (True, False):
        raise ArgumentError("`dry_run` must be true or false.", hint="Leave it out to do it.")
    if dry and operation.id in EFFECTS:
        inner: Any = given.get("arguments")
        inner = cast("Mapping[str, Any]", inner) if isinstance(inner, Mapping) else {}
        return False, {**given, "arguments": {**inner, "dry_run": True}}
    return bool(dry), given


def _zone_here(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        log.warning("The time zone %r is not known here; reading times as UTC.", quoted(name))
        return None
