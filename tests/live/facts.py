"""The facts of `facts.toml`, and the forms that values have."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

FACTS: dict[str, Any] = tomllib.loads((Path(__file__).parent / "facts.toml").read_text("utf-8"))


@dataclass(frozen=True)
class Field:
    """One field that came, with a value of its form, or one that did not (`came` is False)."""

    of: str
    at: str
    name: str
    came: bool
    value: Any
    source: str
    where: str

    @property
    def path(self) -> list[str]:
        """Steps from the body to the field; "[]" goes into each item."""
        return [*steps(self.at), self.name]


def steps(path: str) -> list[str]:
    return [step for step in re.split(r"\.|(?=\[\])", path) if step]


def fields() -> Iterator[Field]:
    for one in FACTS["recorded"]:
        told = one["of"], one["at"]
        for name, value in one["fields"].items():
            yield Field(*told, name, True, value, one["source"], one["where"])
        for name in one.get("absent", ()):
            yield Field(*told, name, False, None, one["source"], one["where"])


_FORMS = (
    ("an instant with milliseconds", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),
    ("an instant in seconds", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    ("a UUID", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    ("E.164", r"\+[1-9]\d{6,14}"),
    ("spaced digits", r"\+\d[\d \-()]+"),
    ("an amount", r"\d+\.\d"),
    ("a colour", r"#[0-9A-Fa-f]{6}"),
    ("an address", r"[^@\s]+@[^@\s]+"),
    ("three digits", r"\d{3}"),
)


def form(name: str, value: Any) -> str:
    """What kind of value this is, as finely as a reader of the API would care."""
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    if isinstance(value, int):
        moment = name == "timestamp" or name.endswith("_at")
        return f"UNIX time of {len(str(value))} digits" if moment else "a whole number"
    if not isinstance(value, str):
        return "a list" if isinstance(value, list) else "an object"
    if value.startswith("https://"):
        path = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", value)
        path = re.sub(r"(?<=/)\d+(?=/|$)", "N", path)
        return path if name == "direct_link" else "a link"
    if name == "token":
        return "a secret"
    return next((word for word, rule in _FORMS if re.fullmatch(rule, value)), "text")


def values(body: Any, path: list[str]) -> list[Any]:
    """Everything at `path`, the last step left out where the field is not there."""
    found: list[Any] = [body]
    for step in path:
        if step == "[]":
            found = [item for one in found for item in cast("list[Any]", one)]
        else:
            objects = [cast("Mapping[str, Any]", one) for one in found if isinstance(one, Mapping)]
            found = [one[step] for one in objects if step in one]
    return found
