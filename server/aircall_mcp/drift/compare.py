"""Compare a body with its schema: the differences by place, name and format only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from .described import Described, Json, expected
from .forms import impersonal

Kind = Literal["absent", "extra", "type", "form", "word", "status", "header", "page", "window"]


@dataclass(frozen=True, slots=True)
class Difference:
    """`of` is the operation, `at` leads into its body (`calls[].user`), `name` is the field there.

    `said` is what the description says, `seen` what came, in words that tell of no value; `where`
    is the route that was asked. `times` of `among` it was seen.
    """

    kind: Kind
    of: str
    where: str
    at: str = ""
    name: str = ""
    said: str = ""
    seen: str = ""
    times: int = 1
    among: int = 1

    @property
    def place(self) -> str:
        return f"{self.at}.{self.name}".strip(".")


@dataclass
class Counted:
    """What came, over all objects at all places of the answers of one operation."""

    holders: Counter[str] = field(default_factory=Counter[str])
    came: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    expected: dict[tuple[str, str], bool] = field(default_factory=dict[tuple[str, str], bool])
    extra: dict[tuple[str, str], Counter[str]] = field(
        default_factory=dict[tuple[str, str], Counter[str]]
    )
    wrong: Counter[tuple[Kind, str, str, str, str]] = field(
        default_factory=Counter[tuple[Kind, str, str, str, str]]
    )

    def is_other(self, at: str, name: str) -> bool:
        """Whether what stands there is of another type altogether."""
        return any(one[:3] == ("type", at, name) for one in self.wrong)

    @property
    def faults(self) -> int:
        missing = sum(n > self.came[key] for key in self.expected for n in [self.holders[key[0]]])
        return self.wrong.total() + len(self.extra) + missing

    def add(self, other: Counted) -> None:
        self.holders += other.holders
        self.came += other.came
        self.wrong += other.wrong
        for key, required in other.expected.items():
            self.expected[key] = self.expected.get(key, False) or required
        for key, forms in other.extra.items():
            self.extra.setdefault(key, Counter[str]()).update(forms)


class Comparison:
    """One operation's answers."""

    def __init__(self, described: Described, operation: str, where: str) -> None:
        self._described = described
        self._operation = operation
        self._where = where
        self._counted = Counted()

    def body(self, schema: Json, body: Any) -> None:
        """Hold one more body against `schema`."""
        self._at(schema, body, "", "", self._counted)

    def differences(self, shown: Callable[[str], bool]) -> Iterator[Difference]:
        """What differs. A name that is not `shown` is said to be one, and no more."""
        told = self._counted
        for (at, name), required in told.expected.items():
            holders, came = told.holders[at], told.came[at, name]
            # What need not be there is missed where it is in none of them.
            if came < holders and (required or not came):
                yield Difference(
                    "absent", self._operation, self._where, at, name,
                    "there", "not there", holders - came, holders,
                )  # fmt: skip
        hidden: dict[str, Counter[str]] = {}
        for (at, name), forms in told.extra.items():
            if not shown(name):
                hidden.setdefault(at, Counter[str]()).update(forms)
                continue
            yield self._extra(at, name, forms)
        for at, forms in hidden.items():
            yield self._extra(at, "", forms)
        for (kind, at, name, said, seen), times in told.wrong.items():
            among = told.holders[at] or times
            yield Difference(
                kind, self._operation, self._where, at, name, said, seen, times, among
            )  # fmt: skip

    def _extra(self, at: str, name: str, forms: Counter[str]) -> Difference:
        seen = " or ".join(sorted(forms))
        said = "not there" if name else "no such names, which may be data and are not shown"
        times, among = forms.total(), self._counted.holders[at]
        return Difference(
            "extra", self._operation, self._where, at, name, said, seen, times, among
        )  # fmt: skip

    def _at(self, schema: Any, value: Any, at: str, name: str, told: Counted) -> None:
        schema = self._described.settled(schema)
        for word in ("anyOf", "oneOf"):
            if word in schema:
                tried = [self._tried(branch, value, at, name) for branch in schema[word]]
                # The branch of this very type, and of those the one that fits best.
                told.add(min(tried, key=lambda one: (one.is_other(at, name), one.faults)))
        for part in schema.get("allOf", ()):
            self._at(part, value, at, name, told)
        allowed = schema.get("type")
        if allowed is not None:
            kinds: list[str] = [allowed] if isinstance(allowed, str) else allowed
            if not any(_is(kind, value) for kind in kinds):
                told.wrong["type", at, name, " or ".join(kinds), impersonal(name, value)] += 1
                return
        self._leaf(schema, value, at, name, told)
        here = f"{at}.{name}".strip(".")
        if isinstance(value, Mapping):
            self._object(schema, cast("Json", value), here, told)
        elif isinstance(value, list) and "items" in schema:
            for item in cast("list[Any]", value):
                self._at(schema["items"], item, at, f"{name}[]", told)

    def _tried(self, schema: Any, value: Any, at: str, name: str) -> Counted:
        alone = Counted()
        self._at(schema, value, at, name, alone)
        return alone

    def _leaf(self, schema: Json, value: Any, at: str, name: str, told: Counted) -> None:
        if value is None or isinstance(value, Mapping | list):
            return
        if "enum" in schema and value not in schema["enum"]:
            said = f"one of {len(schema['enum'])} words"
            told.wrong["word", at, name, said, "another"] += 1
        rule = _FORMATS.get(schema.get("format", ""))
        if rule is not None and not re.fullmatch(rule, str(value)):
            told.wrong["form", at, name, schema["format"], impersonal(name, value)] += 1

    def _object(self, schema: Json, value: Json, at: str, told: Counted) -> None:
        properties = cast("Json", schema.get("properties", {}))
        if not properties and "additionalProperties" not in schema:
            return  # of any form
        told.holders[at] += 1
        for name, required in expected(schema, self._operation, at).items():
            told.expected[at, name] = required
        more = schema.get("additionalProperties", False)
        for name, part in value.items():
            if name in properties:
                told.came[at, name] += 1
                self._at(properties[name], part, at, name, told)
            elif more is False:
                told.extra.setdefault((at, name), Counter[str]())[impersonal(name, part)] += 1
            elif isinstance(more, Mapping):
                self._at(more, part, at, "*", told)


_FORMATS = {
    "date-time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
    "date": r"\d{4}-\d\d-\d\d",
    "uuid": r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "email": r"[^@\s]+@[^@\s]+",
    "uri": r"[a-z][a-z0-9+.-]*://\S+",
    "e164": r"\+[1-9]\d{6,14}",
    "unix-seconds": r"\d{9,11}",
    "unix-milliseconds": r"\d{12,14}",
}
"""By each format's name, what a value of it looks like."""


def _is(kind: str, value: Any) -> bool:
    match kind:
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "array":
            return isinstance(value, list)
        case _:
            return isinstance(value, Mapping)
