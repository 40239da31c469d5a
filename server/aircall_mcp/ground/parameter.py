"""One argument of an operation: its two names, its place, its schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .effects import Stakes

Place = Literal["path", "query", "body", "ours"]
Text = Literal["clears", "empty", "phone"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument: `name` as the model writes it, `wire` as Aircall reads it.

    `urls` are the places in it where URLs stand: `""` for itself, `*` for its items, `*/link` for a
    field of each, `**` for every text in it that is one. `texts` are the places of texts that are
    more than that: `""` is sent as null and clears the field, or is a value of its own (elsewhere
    an optional `""` says nothing); a number was a phone number.
    A `flag` is a text that may be `true` or `false`. `stakes` are those of giving it, and `because`
    argues for them.
    """

    name: str
    wire: str
    place: Place
    required: bool
    schema: Mapping[str, Any]
    form: Literal["plain", "time", "phone", "phones", "id", "uuid", "id_or_email", "flag"] = "plain"
    urls: tuple[str, ...] = ()
    texts: Mapping[str, Text] = field(default_factory=dict[str, Text])
    stakes: Stakes = "none"
    because: str = ""

    @property
    def default(self) -> Any:
        """What goes on the wire where nothing is given: our own newest first, fifty a page.

        Aircall's own defaults need not.
        """
        if self.place == "query" and self.name in ("order", "per_page", "limit"):
            return self.schema.get("default")
        return None
