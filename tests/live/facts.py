"""The facts of `facts.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from aircall_mcp.drift.forms import form

__all__ = ["FACTS", "Field", "fields", "form", "steps", "values"]

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


def fields(facts: dict[str, Any] = FACTS) -> Iterator[Field]:
    for one in facts["recorded"]:
        told = one["of"], one["at"]
        for name, value in one["fields"].items():
            yield Field(*told, name, True, value, one["source"], one["where"])
        for name in one.get("absent", ()):
            yield Field(*told, name, False, None, one["source"], one["where"])


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
