"""The OpenAPI document, as answers are compared with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

Json = Mapping[str, Any]

HERE = "in REST answers"
"""How `x-present` begins where every read has the field."""
BUT = "everywhere but in "


class Described:
    """The document and its operations by id."""

    def __init__(self, document: Json) -> None:
        self._document = document
        self._operations: dict[str, Json] = {
            operation["operationId"]: operation
            for item in document["paths"].values()
            for verb, operation in item.items()
            if verb in ("get", "post", "put", "delete")
        }
        self.names = frozenset(_names(document))
        self.words = frozenset(word for name in self.names for word in words(name)) | frozenset(
            word for said in _enums(document) for word in words(said)
        )

    def responses(self, operation: str) -> dict[int, Json]:
        """What an operation may answer, by status."""
        found = cast("Json", self._operations[operation]["responses"])
        return {int(status): self.settled(told) for status, told in found.items()}

    def settled(self, node: Any) -> Json:
        """Where a reference leads, or the same."""
        while "$ref" in node:
            found: Any = self._document
            for step in str(node["$ref"]).removeprefix("#/").split("/"):
                found = found[step.replace("~1", "/").replace("~0", "~")]
            node = found
        return cast("Json", node)

    def schema(self, response: Json) -> Json | None:
        """The schema of its body, None where it has none."""
        content = cast("Json", response.get("content", {}))
        told = cast("Json", content.get("application/json", {}))
        return self.settled(told["schema"]) if "schema" in told else None

    def cap(self, operation: str) -> int:
        """Items that pages may reach, 0 where there is no such bound."""
        return int(self._operations[operation].get("x-item-cap", 0))

    def defaults(self, operation: str) -> dict[str, Any]:
        """The values that parameters have at Aircall where nothing is given."""
        parameters = map(self.settled, self._operations[operation].get("parameters", ()))
        schemas = {one["name"]: self.settled(one["schema"]) for one in parameters}
        return {name: one["default"] for name, one in schemas.items() if "default" in one}

    def clamped(self, operation: str) -> int:
        """What a larger `per_page` is taken as, 0 where that is not known."""
        for one in map(self.settled, self._operations[operation].get("parameters", ())):
            schema = self.settled(one["schema"])
            if one["name"] == "per_page" and schema.get("x-clamped"):
                return int(schema["maximum"])
        return 0


def expected(schema: Json, operation: str, at: str) -> dict[str, bool]:
    """The fields that an object at that place of an answer has, and whether each must be there in
    every one."""
    required = frozenset(cast("Iterable[str]", schema.get("required", ())))
    return {
        name: name in required
        for name, part in cast("Json", schema.get("properties", {})).items()
        if name in required or _always(part, f"{operation} {at}")
    }


def _always(part: Json, here: str) -> bool:
    """Whether a field that is not required is usual all the same, by what the document says."""
    if part.get("deprecated") or part.get("x-confidence") == "low":
        return False
    present = str(part.get("x-present", ""))
    if present.startswith(BUT):
        # "teams of calls" are those at `calls[].teams[]` and at `call.teams[]`.
        words = (word.rstrip("s") for word in present.removeprefix(BUT).split() if word != "of")
        return not all(word in here for word in words)
    if only := _ONLY.fullmatch(present):
        of = [word.rstrip("s") for word in re.findall(r"\w+", only[2] or "") if word != "and"]
        return only[1].rstrip("s") in here and (not of or any(word in here for word in of))
    return not present or present.startswith(HERE)


_ONLY = re.compile(r"in (\w+)(?: of (\w+(?:(?:, | and )\w+)*))?")
"""`in users of calls and teams`, `in list_user_availabilities`: there it is usual."""


def words(name: str) -> list[str]:
    """The words of a name in any spelling: `exportID`, `raw_digits`, `x-api-version`."""
    parts = re.split(r"[^0-9A-Za-z\u0080-\U0010ffff]+|(?<=[a-z])(?=[A-Z])", name)
    return [part.casefold() for part in parts if part]


def _enums(node: Any) -> Iterator[str]:
    """Every word that the document lets a field say."""
    if isinstance(node, Mapping):
        for key, part in cast("Json", node).items():
            if key == "enum" and isinstance(part, list):
                yield from (one for one in cast("list[Any]", part) if isinstance(one, str))
            yield from _enums(part)
    elif isinstance(node, list):
        for one in cast("list[Any]", node):
            yield from _enums(one)


def _names(node: Any) -> Iterator[str]:
    """Every name of a field that the document knows."""
    if isinstance(node, Mapping):
        for key, part in cast("Json", node).items():
            if key == "properties" and isinstance(part, Mapping):
                yield from cast("Json", part)
            yield from _names(part)
    elif isinstance(node, list):
        for one in cast("list[Any]", node):
            yield from _names(one)
