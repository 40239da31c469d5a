"""`policy.toml`: what a person writes, checked and read into a `Policy`.

A line says `allow`, `ask`, `ask 2` or `deny`. What is wrong is named with the file, the key and
the nearest right word; nothing is taken from a file that has a fault.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import time
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ..errors import SettingsError
from ..ground.clock import Clock
from ..ground.effects import Allowance
from ..ground.nearest import nearest
from ..ground.phones import E164_PATTERN, meant, phone, reached
from ..ground.private_files import Modes
from .deed import Counted
from .faults import Fault, country_meant, unparsed
from .policy import Cap, Line, Policy, Quiet, Rule

NAME: Final = "policy.toml"
TICK: Final = 5.0
"""Seconds that are longer than any tick of a file system's clock: 2 at the most, that of FAT."""
_OF_HOME: Final = 4
"""What is looked at of the directory, which is all where there is no file."""
PRESETS: Final = ("analyst", "support", "sales")
_LINES: Final[Mapping[str, Line]] = {
    "allow": Line("allow"),
    "ask": Line("ask", 1),
    "ask 1": Line("ask", 1),
    "ask 2": Line("ask", 2),
    "deny": Line("deny"),
}


class PolicyFile:
    """The policy that holds now. The file is looked at for every call, and read where that does not
    tell for sure that it is as it was: two changes within one tick of the clock look like one."""

    def __init__(
        self,
        home: Path,
        operations: Collection[str],
        toolsets: Collection[str],
        clock: Clock | None = None,
    ) -> None:
        self._home = home
        self._file = home / NAME
        self._operations = operations
        self._toolsets = toolsets
        self._clock = clock or Clock()
        self._came_from: bytes | None = None
        self._policy: Policy | None = None
        self._telling: tuple[int, ...] | None = None
        """What the file looked like, where every later change of it would show."""

    def __call__(self) -> Policy:
        """Raises `SettingsError` and `StoreError` as long as the file has a fault."""
        # Before it is read: what is changed meanwhile looks different the next time.
        seen = self._looks()
        if self._policy is not None and seen is not None and seen == self._telling:
            return self._policy
        self._telling = None
        text = _text_in(self._home)
        if self._policy is None or text != self._came_from:
            self._policy = None
            self._policy = _policy_of(text, self._home, self._operations, self._toolsets)
            self._came_from = text
        if seen is not None and (text is None) == (len(seen) == _OF_HOME):  # it did not come or go
            self._telling = seen
        return self._policy

    def _looks(self) -> tuple[int, ...] | None:
        """Who may write to it, and when it was last changed in any way, which nobody can set back;
        None where that is so short ago that it can be changed again within the same tick. What is
        not there was not changed, so that who may make it is all there is to say."""
        if os.name != "posix":
            return None
        try:
            home = os.lstat(self._home)
            its = home.st_dev, home.st_ino, home.st_mode, home.st_uid
            try:
                file = os.lstat(self._file)
            except FileNotFoundError:
                return its
        except OSError:
            return None
        if self._clock.wall() - file.st_ctime <= TICK:
            return None
        return (*its, file.st_dev, file.st_ino, file.st_mode, file.st_uid, file.st_nlink,
                file.st_size, file.st_ctime_ns)  # fmt: skip


def _line(value: object) -> Line:
    if isinstance(value, str) and value in _LINES:
        return _LINES[value]
    hint = nearest(value, _LINES) if isinstance(value, str) else ""
    raise Fault('must be "allow", "ask", "ask 2" or "deny"', hint)


def _country(value: object) -> str:
    from phonenumbers import SUPPORTED_REGIONS

    word = value.strip() if isinstance(value, str) else ""
    if word.upper() not in SUPPORTED_REGIONS:
        raise Fault('must be a country such as "FR"', country_meant(word))
    return word.upper()


def _place(value: object) -> str:
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in ("any", "home"):
        return word
    try:
        return _country(value)
    except Fault as fault:
        raise Fault('must be a country such as "FR", "home" or "any"', fault.hint) from None


_NO_PATTERN: Final = 'must be a number such as "+33184880000", or its beginning: "+3389*"'


def _pattern(value: object) -> str:
    # `(0)` is what one leaves out who dials the country before it.
    text = phone(value.replace("(0)", "")) if isinstance(value, str) else ""
    digits = text.removesuffix("*").removeprefix("+")
    if not text.startswith("+") or not digits.isascii() or not digits.isdigit():
        raise Fault(_NO_PATTERN)
    number = text if text.endswith("*") else reached(text)
    if not number.endswith("*") and not re.fullmatch(E164_PATTERN, number, re.ASCII):
        raise Fault(_NO_PATTERN)  # a beginning without its star would be nobody's number
    return number


def _time(value: object) -> time:
    if isinstance(value, str):
        try:
            value = time.fromisoformat(value)
        except ValueError:
            value = None
    if isinstance(value, time) and value.tzinfo is None:  # it is the recipient's own
        return value
    raise Fault('must be a time of day such as "21:00"')


def _own(value: object) -> int | str:
    """An id, or a number in E.164, of which the id is looked up where it matters."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = phone(value) if isinstance(value, str) else ""
    if text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID and text[0] != "0":
        return int(text)
    if re.fullmatch(E164_PATTERN, text, re.ASCII):
        return meant(text)
    raise Fault(
        'must be a number of yours such as "+33184880000", or its id',
        "`aircall-mcp run list_numbers` lists both.",
    )


_LONGEST_ID: Final = 19
"""Digits of 2**63."""
_Line = Annotated[Line, BeforeValidator(_line)]
_Country = Annotated[str, BeforeValidator(_country)]
_Place = Annotated[str, BeforeValidator(_place)]
_Pattern = Annotated[str, BeforeValidator(_pattern)]
_Clock = Annotated[time, BeforeValidator(_time)]
_Own = Annotated[int | str, BeforeValidator(_own)]
_Host = Annotated[str, Field(pattern=r"^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+$")]


class _Table(BaseModel):
    # Built where there is a file to read: most homes have none.
    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, defer_build=True
    )


class _Rule(_Table):
    name: str
    say: _Line
    operations: frozenset[str] = frozenset()
    toolsets: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    principals: frozenset[str] = frozenset()
    countries: frozenset[_Country] = frozenset()
    over: int = Field(0, ge=0)


class _Destinations(_Table):
    countries: frozenset[_Place] = frozenset({"home"})
    elsewhere: _Line = Line("ask", 2)
    costly: _Line = Line("deny")
    only: tuple[_Pattern, ...] = ()
    never: tuple[_Pattern, ...] = ()
    strangers: _Line = Line("ask", 2)
    batches: _Line = Line("ask", 2)


class _Quiet(_Table):
    since: _Clock = Field(alias="from")
    until: _Clock = Field(alias="to")
    say: _Line = Line("deny")
    kinds: frozenset[Literal["calls", "texts"]] | None = Field(None, alias="for", min_length=1)


class _Cap(_Table):
    hour: int | None = Field(None, ge=0)
    day: int | None = Field(None, ge=0)


class _From(_Table):
    numbers: frozenset[_Own] = frozenset()
    users: frozenset[int] = frozenset()


class _Webhooks(_Table):
    hosts: frozenset[_Host] = frozenset()


class _File(_Table):
    effects: Mapping[Allowance, _Line] = {}
    operations: Mapping[str, _Line] = {}
    toolsets: Mapping[str, _Line] = {}
    rules: tuple[_Rule, ...] = ()
    destinations: _Destinations = _Destinations()
    quiet_hours: _Quiet | None = None
    caps: Mapping[Counted, _Cap] = {}
    from_: _From = Field(_From(), alias="from")
    webhooks: _Webhooks = _Webhooks()


def policy_in(home: Path, operations: Collection[str], toolsets: Collection[str]) -> Policy:
    """The policy of `home`; the defaults where there is no file. `operations` and `toolsets` are
    the names that may stand in it. Raises `SettingsError`, and `StoreError` for a file that others
    may write."""
    return _policy_of(_text_in(home), home, operations, toolsets)


def _text_in(home: Path) -> bytes | None:
    path = home / NAME
    try:
        text = Modes().read_written(path)
    except OSError as error:
        raise SettingsError(
            f"{path}: cannot be read: {error.strerror}.", hint="Make it a file that you may read."
        ) from None
    return text


def _policy_of(
    text: bytes | None, home: Path, operations: Collection[str], toolsets: Collection[str]
) -> Policy:
    return Policy() if text is None else policy_of(text, str(home / NAME), operations, toolsets)


def preset_text(name: str) -> bytes:
    """The file of a preset: `default`, `analyst`, `support` or `sales`."""
    return (resources.files("aircall_mcp.safety") / "presets" / f"{name}.toml").read_bytes()


def policy_of(
    text: bytes, source: str, operations: Collection[str], toolsets: Collection[str]
) -> Policy:
    """The policy that `text` says. `source` names it in what is wrong. Raises `SettingsError`."""
    import tomllib

    if not text:  # as an editor leaves it for a moment, before it writes
        raise SettingsError(f"{source}: the file is empty.", hint="Remove it to use the defaults.")
    try:
        parsed = tomllib.loads(text.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        hint = unparsed(text.decode("utf-8", "replace"))
        raise SettingsError(f"{source}: cannot be read: {error}.", hint=hint) from None
    try:
        file = _File.model_validate(parsed)
    except ValidationError as error:
        words, hint = _fault_of(error)
        raise SettingsError(f"{source}: {words}.", hint=hint) from None
    _known(source, "operations", {*file.operations}, operations)
    _known(source, "toolsets", {*file.toolsets}, toolsets)
    for rule in file.rules:
        _known(source, f"rules.{rule.name}.operations", rule.operations, operations)
        _known(source, f"rules.{rule.name}.toolsets", rule.toolsets, toolsets)
    return _policy(file)


def _policy(file: _File) -> Policy:
    reach = file.destinations
    quiet = file.quiet_hours
    return Policy(
        effects=dict(file.effects),
        operations=dict(file.operations),
        toolsets=dict(file.toolsets),
        rules=tuple(
            Rule(
                name=rule.name,
                line=rule.say,
                operations=rule.operations,
                toolsets=rule.toolsets,
                accounts=rule.accounts,
                principals=rule.principals,
                countries=rule.countries,
                over=rule.over,
            )
            for rule in file.rules
        ),
        countries=reach.countries,
        elsewhere=reach.elsewhere,
        costly=reach.costly,
        only=reach.only,
        never=reach.never,
        strangers=reach.strangers,
        batches=reach.batches,
        quiet=None
        if quiet is None
        else Quiet(quiet.since, quiet.until, quiet.say, quiet.kinds or frozenset()),
        caps={kind: Cap(cap.hour, cap.day) for kind, cap in file.caps.items()},
        numbers=frozenset(one for one in file.from_.numbers if isinstance(one, int)),
        phones=frozenset(one for one in file.from_.numbers if isinstance(one, str)),
        users=file.from_.users,
        hosts=file.webhooks.hosts,
        written=True,
    )


_JUDGED: Final = (
    "Operations and toolsets are named. What a tool made of several does (place_call, send_text,"
    " plan) is judged by its operations: start_outbound_call, send_message_in_conversation."
)
COMPOSED: Final = frozenset({"place_call", "send_text", "plan", "read", "write", "reach", "delete"})
"""Tools that somebody may name here, and that are made of others."""


def _known(source: str, key: str, named: Collection[str], known: Collection[str]) -> None:
    for name in sorted(named):
        if name not in known:
            why, guess = "is not known", nearest(name, known)
            if name.removeprefix("aircall_") in COMPOSED:
                why, guess = "is made of several operations", ""
            raise SettingsError(
                f"{source}: `{key}` names {name!r}, which {why}.",
                hint=f"{guess} {_JUDGED}".strip(),
            )


_RULES: Final[Mapping[str, str]] = {
    "extra_forbidden": "is not known",
    "missing": "is missing",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "greater_than_equal": "must be at least {ge}",
    "string_pattern_mismatch": 'must be a host such as "hooks.example.com" or "*.example.com"',
    "string_type": "must be text",
    "too_short": "must name at least one",
    "frozen_set_type": "must be a list",
    "tuple_type": "must be a list",
    "model_type": "must be a table",
    "dict_type": "must be a table",
    "mapping_type": "must be a table",
}


def _fault_of(error: ValidationError) -> tuple[str, str]:
    """Where and what it must be, and a hint: of the first thing that is wrong."""
    first = error.errors()[0]
    path = [part for part in first["loc"] if part != "[key]"]
    where = _where(path, first["input"])
    context: Mapping[str, Any] = first.get("ctx", {})
    if first["type"] == "value_error":
        fault = cast("ValueError", context["error"])
        return f"{where} {fault}", getattr(fault, "hint", "")
    if first["type"] == "literal_error":
        return f"{where} must be one of {context['expected']}", ""
    hint = ""
    if first["type"] == "extra_forbidden":
        hint = nearest(str(path[-1]), _keys(path[:-1]))
    elif path[:2] == ["from", "users"]:
        hint = "`aircall-mcp run list_users` lists the ids."
    return f"{where} {_RULES.get(first['type'], 'does not fit').format(**context)}", hint


def _where(path: Sequence[int | str], value: object) -> str:
    """As people count: the first rule is rule 1, and in a list it is the value that is wrong."""
    rule = ""
    match path:
        case ["rules", int(place), _, *_]:
            rule, path = f"rule {place + 1}: ", path[2:]
        case _:
            pass
    key = ".".join(part for part in path if isinstance(part, str))
    within = isinstance(path[-1], int) and isinstance(value, str | int | float)
    return f"{rule}`{key}`" + (f": {value!r}" if within else "")


_TABLES: Final[Mapping[str, type[_Table]]] = {
    "": _File,
    "rules": _Rule,
    "destinations": _Destinations,
    "quiet_hours": _Quiet,
    "caps": _Cap,
    "from": _From,
    "webhooks": _Webhooks,
}


def _keys(path: Sequence[int | str]) -> list[str]:
    model = _TABLES.get(str(path[0]) if path else "", _File)
    return [field.alias or name for name, field in model.model_fields.items()]
