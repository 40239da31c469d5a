"""One thing Aircall can do, and how arguments fit it.

An `Operation` is plain frozen data, finished when it is born: the compiled description holds its
schema already flattened. `bind` turns what a model sent into a `Bound`, ready to go on the wire,
or raises `ArgumentError` with the path of the fault, the rule it breaks and the nearest right name.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from typing import Any, Literal, cast
from urllib.parse import quote

from ..errors import ArgumentError
from . import addresses
from .weight import MOST_ASKED, values_in

Effect = Literal["read", "write", "reach", "delete"]
Stakes = Literal["none", "exposes", "administers"]
AtStake = Literal["exposes", "administers"]
Allowance = Literal["read", "write", "reach", "delete", "exposes", "administers"]
Repeatability = Literal["safe", "idempotent", "never"]
Place = Literal["path", "query", "body", "ours"]
Paging = Literal["page", "cursor", "none"]
Detail = Literal["concise", "full"]

EFFECTS: tuple[Effect, ...] = ("read", "write", "reach", "delete")
STAKES: tuple[Stakes, ...] = ("none", "exposes", "administers")
EVERYTHING: frozenset[Allowance] = frozenset((*EFFECTS, "exposes", "administers"))
"""All that an owner can allow."""

PAGE_SIZE = 50
"""Items asked for a page when nobody says otherwise; Aircall's own maximum for most lists."""

DEEPEST = 64
"""Levels of objects and arrays that arguments may have."""

_PHONE_PUNCTUATION = re.compile(r"[\s().\u00a0-]+")
_LONGEST_PHONE = 100
_MOST_NAMED = 5
_MOST_ARGUMENTS = 500
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument: `name` as the model writes it, `wire` as Aircall reads it.

    `urls` are the places in it where URLs stand: `""` for itself, `*` for its items, `*/link` for a
    field of each, `**` for every text in it that is one. `stakes` are those of giving it, and
    `because` argues for them.
    """

    name: str
    wire: str
    place: Place
    required: bool
    schema: Mapping[str, Any]
    form: Literal["plain", "time", "phone", "phones"] = "plain"
    urls: tuple[str, ...] = ()
    stakes: Stakes = "none"
    because: str = ""

    @property
    def kinds(self) -> tuple[str, ...]:
        kind = self.schema.get("type", ())
        return (kind,) if isinstance(kind, str) else tuple(kind)


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back when it goes well.

    `status` is the usual success status. `key` is the top-level key of the list or object, or ""
    where the object stands at the top. `secrets`, `expiring` (seconds a link lives), `strangers`
    (texts written by other people), `seconds` and `milliseconds` (UNIX times) are field names.
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


@dataclass(frozen=True, slots=True)
class Retirement:
    """Why and until when a deprecated operation is still here. `sunset` is an ISO date or ""."""

    sunset: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Settling:
    """The read that tells whether an effect took place when no answer said so.

    `operation` is its id, `ask` maps its arguments to ours, `fixed` gives it some more. What it
    shows is ours if the fields in `match` equal our arguments; a dotted path leads into objects
    and first items. `within` names the list inside the one object it shows; `since` the field with
    the UNIX seconds of making, for what could also be older; `over` the field that is set once it
    may be done again. With `gone` nothing must be left to show.
    """

    operation: str
    ask: Mapping[str, str] = field(default_factory=dict[str, str])
    fixed: Mapping[str, Any] = field(default_factory=dict[str, Any])
    match: Mapping[str, str] = field(default_factory=dict[str, str])
    within: str = ""
    since: str = ""
    over: str = ""
    gone: bool = False


@dataclass(frozen=True)
class Operation:
    """One thing Aircall can do. See the module docstring; `input_schema` is what is advertised.

    `keeps` is for how many seconds its answer may be given again. `stakes` are those it always has
    and `because` argues for them; `worst` are all that it can have, by its arguments or by what it
    performs. What is `additive` takes nothing away and changes nothing that was there.
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
    exactly_one: tuple[tuple[str, ...], ...] = ()
    at_least_one: tuple[tuple[str, ...], ...] = ()
    example: Mapping[str, Any] = field(default_factory=dict[str, Any])
    utterances: tuple[str, ...] = ()
    needs_first: tuple[str, ...] = ()
    sibling: str = ""
    sibling_because: str = ""
    add_on: str = ""
    retired: Retirement | None = None
    settled_by: Settling | None = None
    keeps: int = 0
    surfaces: tuple[str, ...] = ("full",)
    stakes: Stakes = "none"
    because: str = ""
    worst: tuple[AtStake, ...] = ()
    additive: bool = False

    @property
    def ours(self) -> bool:
        """A tool of our own, which nothing at Aircall answers to."""
        return not self.method

    @property
    def route(self) -> str:
        """`METHOD /path`, as people and other tools name it."""
        return f"{self.method} {self.path}"

    @property
    def destructive(self) -> bool:
        """Whether it does more than add something. What reaches a person cannot be taken back."""
        return self.effect in ("reach", "delete") or (self.effect == "write" and not self.additive)

    @property
    def at_stake(self) -> Mapping[str, AtStake]:
        """The stakes that arguments make, by their names."""
        return {p.name: p.stakes for p in self.parameters if p.stakes != "none"}

    @property
    def required(self) -> tuple[str, ...]:
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
        """Whether one of the given times says nothing about its offset."""
        return any(p.form == "time" and _is_naive(arguments.get(p.name)) for p in self.parameters)

    def bind(self, arguments: Any, *, zone: tzinfo | None = None) -> Bound:
        """Fit `arguments` (a mapping) to the schema and place them.

        `zone` reads the times that come without an offset. Raises `ArgumentError`.
        """
        if not isinstance(arguments, Mapping):
            raise ArgumentError("The arguments must be one JSON object.", hint=self._usage())
        if len(cast("Mapping[str, Any]", arguments)) > _MOST_ARGUMENTS:
            raise ArgumentError("There are too many arguments.", hint=self._usage())
        given = self._normalised(cast("Mapping[str, Any]", arguments), zone)
        self._validate(given)
        for parameter in self.parameters:
            for place in parameter.urls:
                within = place.split("/") if place else []
                _refuse_private(parameter.name, within, given.get(parameter.name))
        return self._place(given)

    def _normalised(self, arguments: Mapping[str, Any], zone: tzinfo | None) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for written, value in arguments.items():
            name = written
            if written not in self._by_name and written in self._wire_names:
                name = self._wire_names[written]
                if name in arguments:
                    raise ArgumentError(f"`{written}` and `{name}` are the same argument.")
            parameter = self._by_name.get(name)
            given[name] = value if parameter is None else _fitted(parameter, value, zone)
        return given

    def _validate(self, given: dict[str, Any]) -> None:
        faults: list[str] = []
        hints: list[str] = []
        if _not_json(given):
            raise ArgumentError("The arguments are nested too deeply or are not JSON.")
        for error in self._validator.iter_errors(given):
            fault, hint = _explain(error, self.input_schema)
            faults.append(fault)
            if hint:
                hints.append(hint)
            if len(faults) == 5:
                break
        if not faults:
            faults += [
                f"exactly one of {_listed(group)} is needed"
                for group in self.exactly_one
                if sum(name in given for name in group) != 1
            ]
            faults += [
                f"at least one of {_listed(group)} is needed"
                for group in self.at_least_one
                if not any(name in given for name in group)
            ]
        if faults:
            hint = " ".join(dict.fromkeys([*hints, self._usage()]))
            raise ArgumentError(f"{self.tool}: {'; '.join(faults)}.", hint=hint)

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
            value = given.get(parameter.name, _default_of(parameter))
            if value is None:
                continue
            if parameter.place == "path":
                path_values[parameter.wire] = value
            elif parameter.place == "query":
                query.extend(_query_pairs(parameter.wire, value))
            elif parameter.place == "body":
                body[parameter.wire] = value
            if parameter.form == "time" and parameter.place == "query":
                window[parameter.name] = iso(int(value))
        has_body = any(p.place == "body" for p in self.parameters)
        return Bound(
            operation=self,
            arguments=dict(given),
            path=fill(self.path, path_values),
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
                continue  # null and {} count
            if parameter.place != "query" or given[parameter.name] is not False:
                stakes.setdefault(parameter.stakes, f"`{parameter.name}`: {parameter.because}")
        return stakes


@dataclass(frozen=True, slots=True)
class Bound:
    """An operation with its arguments in place: all that the gateway needs to perform it.

    `path` is percent-encoded; `query` are pairs still to be encoded; `body` is JSON or None.
    `window` echoes the times as ISO 8601 in UTC. `stakes` are those that these arguments have, each
    with why.
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


def fill(template: str, values: Mapping[str, Any]) -> str:
    """Put `values` into the `{holes}` of a path, each as exactly one segment.

    No value can climb, split or end the path: dots are encoded too, since `..` means something to
    servers even where it is a legal segment, and the result is held against the template again.
    Raises `ArgumentError` for a value that cannot be a segment.
    """
    segments: list[str] = []
    for segment in template.split("/"):
        if not segment.startswith("{"):
            segments.append(segment)
            continue
        name = segment[1:-1]
        if name not in values:
            raise ArgumentError(f"`{name}` is missing from the path.")
        segments.append(_segment(name, values[name]))
    path = "/".join(segments)
    _hold_against(template, path)
    return path


def _refuse_private(name: str, place: Sequence[str], value: Any) -> None:
    """Raise `ArgumentError` for a URL at `place` in `value` that is none of the internet."""
    match place, value:
        case [], str():
            if fault := addresses.fault_of(value):
                raise ArgumentError(
                    f"`{name}` {fault}.",
                    hint="Give an https URL of the internet, such as https://hooks.example.com/in.",
                )
        case ["*", *within], list():
            for at, item in enumerate(cast("list[Any]", value)):
                _refuse_private(f"{name}[{at}]", within, item)
        case ["**"], str():
            if addresses.is_url(value):
                _refuse_private(name, (), value.strip())
        case ["**"], list():
            for at, item in enumerate(cast("list[Any]", value)):
                _refuse_private(f"{name}[{at}]", place, item)
        case ["**"], Mapping():
            for key, part in cast("Mapping[str, Any]", value).items():
                _refuse_private(f"{name}.{key[:40]}", place, part)
        case [key, *within], Mapping():
            part = cast("Mapping[str, Any]", value).get(key)
            _refuse_private(f"{name}.{key}", within, part)
        case _:
            return  # not given


def _segment(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ArgumentError(f"`{name}` must be an id.")
    if isinstance(value, int):
        if not 0 < value < 10**19:
            raise ArgumentError(f"`{name}` must be a positive id.")
        return str(value)
    if not value or len(value) > 256 or not value.strip("."):
        raise ArgumentError(f"`{name}` cannot be empty, only dots, or over 256 characters.")
    if _CONTROL.search(value):
        raise ArgumentError(f"`{name}` holds a control character.")
    try:
        return quote(value, safe="@").replace(".", "%2E")
    except UnicodeEncodeError:
        raise ArgumentError(f"`{name}` is not valid text.") from None


def _hold_against(template: str, path: str) -> None:
    expected, actual = template.split("/"), path.split("/")
    same = len(expected) == len(actual) and all(
        want == got or (want.startswith("{") and got and got.strip("."))
        for want, got in zip(expected, actual, strict=True)
    )
    if not same or any(mark in path for mark in "?#\\") or "//" in path:
        raise ArgumentError("The path would leave its template.")


def iso(seconds: float) -> str:
    """UNIX seconds as ISO 8601 in UTC, to the second: `2026-11-22T08:00:00Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")[:-6] + "Z"


def moment(value: int | str, zone: tzinfo | None) -> int:
    """UNIX seconds of a time given as UNIX seconds or ISO 8601. Raises ValueError or OverflowError.

    A time without an offset is read in `zone`, in UTC where that is None.
    """
    if isinstance(value, int):
        return value
    text = value.strip()
    if text.lstrip("-").isascii() and text.lstrip("-").isdigit():
        return int(text)
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=zone or UTC)
    return int(parsed.timestamp())


def phone(value: str) -> str:
    """A phone number without its spaces, dots, dashes and brackets; what is too long for one is
    left as it is."""
    return value if len(value) > _LONGEST_PHONE else _PHONE_PUNCTUATION.sub("", value)


def nearest(word: str, known: Iterable[str]) -> str:
    """` Did you mean `x`?` for the nearest of the known names, or an empty string."""
    close = difflib.get_close_matches(word[:80], list(known), n=1, cutoff=0.6)
    return f"Did you mean `{close[0]}`?" if close else ""


def _is_naive(value: Any) -> bool:
    if not isinstance(value, str) or value.strip().lstrip("-").isdigit():
        return False
    try:
        return datetime.fromisoformat(value.strip()).tzinfo is None
    except ValueError:
        return False


def _fitted(parameter: Parameter, value: Any, zone: tzinfo | None) -> Any:
    """What is meant, where the form is right but for its wrapping; else the value as it came."""
    if isinstance(value, str) and ("array" in parameter.kinds or "object" in parameter.kinds):
        if values_in(value) > MOST_ASKED:
            return value
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return value
    value = _whole(value)
    if isinstance(value, list):
        value = [_whole(item) for item in cast("list[Any]", value)]
    if parameter.form == "time" and isinstance(value, int | str) and not isinstance(value, bool):
        try:
            seconds = moment(value, zone)
            iso(seconds)
        except (ValueError, OverflowError, OSError):
            raise ArgumentError(
                f"`{parameter.name}` is no time.",
                hint="Give UNIX seconds (1763798400) or ISO 8601 (2026-11-22T08:00:00+01:00).",
            ) from None
        return seconds
    if parameter.form == "phone" and isinstance(value, str):
        return phone(value)
    if parameter.form == "phones" and isinstance(value, list):
        items = cast("list[Any]", value)
        return [phone(item) if isinstance(item, str) else item for item in items]
    return value


def _whole(value: Any) -> Any:
    """`7.0` as 7: JSON and its schemas hold them for one number, paths and queries do not."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _default_of(parameter: Parameter) -> Any:
    """Our own defaults go on the wire: newest first, fifty a page. Aircall's need not."""
    if parameter.place == "query" and parameter.name in ("order", "per_page", "limit"):
        return parameter.schema.get("default")
    return None


def _query_pairs(name: str, value: Any) -> Iterable[tuple[str, str]]:
    if isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from _query_pairs(name, item)
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    else:
        yield name, str(value)


def _not_json(given: Mapping[str, Any]) -> bool:
    if deeper_than(DEEPEST, given):
        return True
    try:
        json.dumps(given, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError):  # among them NaN and half a surrogate pair
        return True
    return False


def deeper_than(levels: int, value: Any) -> bool:
    """Whether JSON is nested in more than so many objects and arrays."""
    level: list[Any] = [value] if isinstance(value, (dict, list)) else []
    for _ in range(levels):
        level = [
            part
            for holder in level
            for part in (holder.values() if isinstance(holder, dict) else holder)  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
            if isinstance(part, (dict, list))
        ]
        if not level:
            return False
    return any(level)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _where(path: Sequence[str | int]) -> str:
    shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return f"`{shown.lstrip('.')[:200]}`" if shown else "the arguments"


def _explain(error: Any, schema: Mapping[str, Any]) -> tuple[str, str]:
    """The path and the rule, never the value: a value may be a secret or a stranger's text."""
    where = _where(error.instance_path)
    rule = error.kind.name
    value: Any = error.kind.value
    match rule:
        case "additionalProperties":
            names: list[str] = [str(name)[:80] for name in value[:_MOST_NAMED]]
            known: list[str] = sorted(_at(schema, error.schema_path[:-1]).get("properties", {}))
            hints = [nearest(name, known) for name in names]
            at = f" in {where}" if error.instance_path else ""
            more = f" and {len(value) - len(names)} more" if len(value) > len(names) else ""
            return f"unknown {_listed(names)}{more}{at}", " ".join(filter(None, hints))
        case "required":
            return f"`{value}` is missing" + (f" in {where}" if error.instance_path else ""), ""
        case "type":
            return f"{where} must be {_named_types(_at(schema, error.schema_path))}", ""
        case "enum":
            options = ", ".join(json.dumps(option) for option in value[:40])
            return f"{where} must be one of {options}", ""
        case "pattern":
            if value == E164_PATTERN:
                return f"{where} must be a phone number in E.164, like +33184880000", ""
            return f"{where} must match {value}", ""
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
            return f"{where} breaks {rule} {value}", ""
        case _:
            return f"{where} breaks {rule}", ""


E164_PATTERN = r"^\+[1-9]\d{6,14}$"


def _at(schema: Any, path: Sequence[str | int]) -> Any:
    for part in path:
        schema = schema[part]
    return schema


def _named_types(kinds: Any) -> str:
    words = {
        "integer": "a whole number (no quotes)",
        "number": "a number",
        "string": "a string",
        "boolean": "true or false",
        "array": "an array",
        "object": "an object",
        "null": "null",
    }
    listed: list[str] = [kinds] if isinstance(kinds, str) else list(kinds)
    return " or ".join(words[kind] for kind in listed)
