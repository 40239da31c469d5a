"""One thing Aircall can do, and how arguments are bound to it.

An `Operation` is plain frozen data: the compiled description already has its flat schema. `bind`
turns what a model sent into a `Bound`, ready to be sent, or raises `ArgumentError` with the path of
the error, the rule that is broken and the nearest right name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import cached_property
from typing import Any, Literal, cast

from ..errors import ArgumentError
from . import fitting
from .effects import (
    EFFECTS,
    EVERYTHING,
    STAKES,
    Allowance,
    AtStake,
    Effect,
    Repeatability,
    Stakes,
)
from .explanation import explain, listed
from .parameter import Parameter, Place
from .path import fill
from .query import pairs as query_pairs
from .times import is_naive, iso

Paging = Literal["page", "cursor", "none"]
Detail = Literal["concise", "full"]

WORKFLOWS = "workflows"
"""The toolset of the tools that are made of several operations."""

PAGE_SIZE = 50
"""Default number of items per page, which is Aircall's own maximum for most lists."""

_MOST_ARGUMENTS = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation returns on success.

    `status` is the usual success status. `key` is the top-level key of the list or object, or ""
    if the object itself is at the top. `secrets`, `expiring` (seconds for which a link is valid),
    `strangers` (texts written by other people), `seconds` and `milliseconds` (UNIX times) are field
    names. `missing` says what a 404 may mean. `filled`: on success it is always a non-empty object.
    """

    status: int
    key: str = ""
    is_list: bool = False
    paging: Paging = "none"
    capped: bool = False
    secrets: frozenset[str] = frozenset()
    expiring: Mapping[str, int] = field(default_factory=dict[str, int])
    strangers: frozenset[str] = frozenset()
    seconds: frozenset[str] = frozenset()
    milliseconds: frozenset[str] = frozenset()
    missing: str = ""
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Retirement:
    """A deprecated operation: `sunset` is an ISO date or "", `replacement` another operation."""

    sunset: str
    replacement: str


@dataclass(frozen=True, slots=True)
class ReadBack:
    """The read that shows whether an effect took place, if no answer said so.

    `operation` is the id of the read, `ask` maps its arguments to those of the effect, `fixed` are
    further arguments. An item shows the effect if its fields in `match` equal the effect's
    arguments; a dotted path leads into objects and first items. `within` names the list inside a
    single object; `since` the field with the UNIX seconds of creation, if older items could match;
    `over` the field that is set once the effect may be done again. With `gone` the read must find
    nothing.
    """

    operation: str
    ask: Mapping[str, str] = field(default_factory=dict[str, str])
    fixed: Mapping[str, Any] = field(default_factory=dict[str, Any])
    match: Mapping[str, str] = field(default_factory=dict[str, str])
    within: str = ""
    since: str = ""
    over: str = ""
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """Which arguments of an effect say whom it reaches and with what, so that the same effect is
    recognised however it is written.

    Operations of one `family` do the same to the people whom they reach. `whom` are the arguments
    with their phone numbers. `what` maps the family's name for each part of the message to a place
    in our arguments, such as `templateParams.body[]` (`[]`: in any order). Other arguments make no
    difference.
    """

    family: str
    whom: tuple[str, ...] = ()
    what: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Window:
    """What `from` and `to` of a list mean, if that is known.

    `by` is the field that they refer to. `excluded` is `from` or `to` if the list does not include
    that moment itself. With `days`, nothing older is listed.
    """

    by: str
    excluded: str = ""
    days: int = 0

    def __str__(self) -> str:
        edges = (f"{edge} {'excluded' if edge == self.excluded else 'included'}"
                 for edge in ("from", "to"))  # fmt: skip
        return f"{self.by}, {', '.join(edges)}"


@dataclass(frozen=True)
class Operation:
    """One thing Aircall can do, or a tool of ours. See the module docstring.

    - `input_schema` is the schema that clients see. `result` is the JSON Schema of the whole object
      that a tool of ours returns on success.
    - `stands_for` are the operations whose whole task this tool does, `gathers` those whose answers
      it returns together.
    - `keeps` is for how many seconds its answer may be cached.
    - `stakes` are those that it always has, with the reason in `because`; `worst` are all that it
      can have, by its arguments or by what it performs. An `additive` one only adds.
    - `tells_of` are families of events (`call` of `call.ended`) whose data look like its answer.
    - `extra` is the extra of this package that it needs.
    - `afterwards` is what to know after an effect with an empty answer.
    - `wish` says which arguments matter to the people whom it reaches, if not all do.
    - `tells_whose` maps kinds of things that belong to one company to the places of their ids in
      each item of the answer.
    """

    id: str
    tool: str
    method: str
    path: str
    toolset: str
    title: str
    summary: str
    description: str
    effect: Effect
    repeatable: Repeatability
    parameters: tuple[Parameter, ...]
    input_schema: Mapping[str, Any]
    answer: Answer
    result: Mapping[str, Any] | None = None
    stands_for: tuple[str, ...] = ()
    gathers: tuple[str, ...] = ()
    exactly_one: tuple[tuple[str, ...], ...] = ()
    at_least_one: tuple[tuple[str, ...], ...] = ()
    example: Mapping[str, Any] = field(default_factory=dict[str, Any])
    utterances: tuple[str, ...] = ()
    needs_first: tuple[str, ...] = ()
    sibling: str = ""
    sibling_because: str = ""
    add_on: str = ""
    retired: Retirement | None = None
    read_back: ReadBack | None = None
    keeps: int = 0
    surfaces: tuple[str, ...] = ("full",)
    stakes: Stakes = "none"
    because: str = ""
    worst: tuple[AtStake, ...] = ()
    additive: bool = False
    tells_of: tuple[str, ...] = ()
    window: Window | None = None
    afterwards: str = ""
    wish: Wish | None = None
    tells_whose: Mapping[str, str] = field(default_factory=dict[str, str])
    extra: str = ""

    @property
    def ours(self) -> bool:
        """Whether this is a tool of our own, without a route at Aircall."""
        return not self.method

    @property
    def composed(self) -> bool:
        """Whether it performs other operations, each of which is judged by itself."""
        return self.id in EFFECTS or (self.toolset == WORKFLOWS and self.effect != "read")

    @property
    def route(self) -> str:
        """`METHOD /path`, as people and other tools name it."""
        return f"{self.method} {self.path}"

    @property
    def destructive(self) -> bool:
        """Whether it does more than add something. An effect that reaches a person always does."""
        return self.effect in ("reach", "delete") or (self.effect == "write" and not self.additive)

    @property
    def at_stake(self) -> Mapping[str, AtStake]:
        """The stakes of single arguments, by their names."""
        return {p.name: p.stakes for p in self.parameters if p.stakes != "none"}

    @property
    def required(self) -> tuple[str, ...]:
        """The names of the arguments that must be given."""
        return tuple(p.name for p in self.parameters if p.required)

    @cached_property
    def _by_name(self) -> Mapping[str, Parameter]:
        return {p.name: p for p in self.parameters}

    @cached_property
    def _wire_names(self) -> Mapping[str, str]:
        return {p.wire: p.name for p in self.parameters if p.wire != p.name}

    @cached_property
    def _validator(self) -> Any:
        import jsonschema_rs

        return jsonschema_rs.Draft202012Validator(cast("dict[str, Any]", self.input_schema))

    def needs_zone(self, arguments: Mapping[str, Any]) -> bool:
        """Whether one of the given times has no offset."""
        return any(p.form == "time" and is_naive(arguments.get(p.name)) for p in self.parameters)

    def bind(self, arguments: Any, *, zone: tzinfo | None = None) -> Bound:
        """Validate `arguments` (a mapping) and put them in place.

        `zone` is for times without an offset. Right values of a wrong type are converted first;
        then only the schema that clients see decides. Raises `ArgumentError`.
        """
        if not isinstance(arguments, Mapping):
            raise ArgumentError("The arguments must be one JSON object.", hint=self._usage())
        if len(cast("Mapping[str, Any]", arguments)) > _MOST_ARGUMENTS:
            raise ArgumentError("There are too many arguments.", hint=self._usage())
        given = fitting.all_fitted(
            cast("Mapping[str, Any]", arguments), self._by_name, self._wire_names, zone
        )
        self._validate(given)
        given = {name: fitting.turned(self._by_name[name], value) for name, value in given.items()}
        self._in_order(given)
        for parameter in self.parameters:
            for place in parameter.urls:
                within = place.split("/") if place else []
                fitting.refuse_private(parameter.name, within, given.get(parameter.name))
        return self._place(given)

    def told(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments of ours as the advertised schema takes them: times are texts there."""
        times = {p.name for p in self.parameters if p.form == "time"}
        return {n: str(v) if n in times else v for n, v in arguments.items()}

    def _validate(self, given: dict[str, Any]) -> None:
        faults: list[str] = []
        hints: list[str] = []
        if not fitting.is_json(given):
            raise ArgumentError(
                "The arguments are nested too deeply, or contain what JSON cannot: half a"
                " surrogate pair, or an infinite number.",
                hint=self._usage(),
            )
        for error in self._validator.iter_errors(given):
            fault, hint = explain(error, self.input_schema)
            faults.append(fault)
            if hint:
                hints.append(hint)
            if len(faults) == 5:
                break
        if not faults:
            faults += [
                f"exactly one of {listed(group)} is needed"
                for group in self.exactly_one
                if sum(name in given for name in group) != 1
            ]
            faults += [
                f"at least one of {listed(group)} is needed"
                for group in self.at_least_one
                if not any(name in given for name in group)
            ]
        if faults:
            hint = " ".join(dict.fromkeys(hints))
            if self.required or "Known arguments: " not in hint:
                hint = f"{hint} {self._usage()}".strip()
            raise ArgumentError(f"{self.tool}: {'; '.join(faults)}.", hint=hint)

    def _in_order(self, given: Mapping[str, Any]) -> None:
        """A period that ends before it begins would be an empty list, and a complete one."""
        edges = [given[p.name] for p in self.parameters
                 if p.name in ("from", "to") and p.form == "time" and p.name in given]  # fmt: skip
        if len(edges) == 2 and given["from"] > given["to"]:
            since, until = iso(given["from"]), iso(given["to"])
            raise ArgumentError(
                f"{self.tool}: `from` ({since}) is later than `to` ({until}).",
                hint="Give the earlier moment as `from`.",
            )

    def _usage(self) -> str:
        if self.required:
            return f"Required: {', '.join(self.required)}."
        known = ", ".join(p.name for p in self.parameters)
        return f"Known arguments: {known}." if known else "It takes no arguments."

    def _place(self, given: Mapping[str, Any]) -> Bound:
        path_values: dict[str, Any] = {}
        query: list[tuple[str, str]] = []
        body: dict[str, Any] = {}
        window: dict[str, str] = {}
        for parameter in self.parameters:
            value = given.get(parameter.name, parameter.default)
            if value is None:
                continue
            if parameter.place == "path":
                path_values[parameter.wire] = value
            elif parameter.place == "query":
                query.extend(query_pairs(parameter.wire, value))
            elif parameter.place == "body":
                body[parameter.wire] = value
            if parameter.form == "time" and parameter.place == "query":
                window[parameter.name] = iso(int(value))
        has_body = any(p.place == "body" for p in self.parameters)
        return Bound(
            operation=self,
            arguments=dict(given),
            path=fill(self.path, path_values, {p.wire: p.name for p in self.parameters}),
            query=tuple(query),
            body=body if has_body else None,
            detail=given.get("detail", "concise"),
            max_items=given.get("max_items"),
            account=given.get("account"),
            fresh=bool(given.get("fresh")),
            window=window,
            stakes=self._stakes_of(given),
        )

    def _stakes_of(self, given: Mapping[str, Any]) -> Mapping[AtStake, str]:
        stakes: dict[AtStake, str] = {}
        if self.stakes != "none":
            stakes[self.stakes] = self.because
        for parameter in self.parameters:
            if parameter.name not in given or parameter.stakes == "none":
                continue  # {} counts
            if parameter.place != "query" or given[parameter.name] is not False:
                stakes.setdefault(parameter.stakes, f"`{parameter.name}`: {parameter.because}")
        return stakes


@dataclass(frozen=True, slots=True)
class Bound:
    """An operation with its arguments in place: all that the gateway needs to perform it.

    `path` is percent-encoded; `query` are pairs still to be encoded; `body` is JSON or None.
    `window` echoes the times as ISO 8601 in UTC. `stakes` are those that these arguments have, each
    with why. `steps` are those of a plan.
    """

    operation: Operation
    arguments: Mapping[str, Any]
    path: str
    query: tuple[tuple[str, str], ...]
    body: Mapping[str, Any] | None
    detail: Detail = "concise"
    max_items: int | None = None
    account: str | None = None
    fresh: bool = False
    window: Mapping[str, str] = field(default_factory=dict[str, str])
    stakes: Mapping[AtStake, str] = field(default_factory=dict[AtStake, str])
    steps: tuple[Bound, ...] = ()

    @property
    def effects(self) -> tuple[Effect, ...]:
        """Its own; of a plan those of its steps, the gravest last."""
        found = {step.operation.effect for step in self.steps} or {self.operation.effect}
        return tuple(effect for effect in EFFECTS if effect in found)

    def identity(self, account: str | None) -> str:
        """Names this call: the same for the same operation, arguments and account, and for nothing
        else. `account` is the caller's, for a call that names none."""
        said = [self.operation.id, self.account or account, self.arguments]
        canonical = json.dumps(said, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


# The words for its effect and its arguments come with it.
__all__ = [
    "EFFECTS", "EVERYTHING", "PAGE_SIZE", "STAKES", "Allowance", "Answer", "AtStake", "Bound",
    "Detail", "Effect", "Operation", "Paging", "Parameter", "Place", "ReadBack",
    "Repeatability", "Retirement", "Stakes", "Window", "Wish",
]  # fmt: skip
