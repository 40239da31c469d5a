"""Typed stubs of operations: what a program may call, and with what.

One interface, a method for each operation by its id, all arguments by name. What a method answers
is the same for all: `{"data": …, "page"?, "notes"?}`. `detail`, `fresh` and `account` are left out.
"""

from __future__ import annotations

import json
import keyword
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias

from ..ground.operation import Operation

Language: TypeAlias = Literal["python", "typescript"]

LEFT_OUT: Final = frozenset({"detail", "fresh", "account"})
LONGEST: Final = 64
"""Characters of what is said of an operation."""

_PYTHON: Final = """\
from typing import Any, Literal as L, Protocol
J = dict[str, Any]  # {"data", "page"?, "notes"?}
T = int | str  # UNIX seconds or ISO 8601
class Aircall(Protocol):
"""
_TYPESCRIPT: Final = """\
export type J = Record<string, any>; // {data, page?, notes?}
export type T = number | string; // UNIX seconds or ISO 8601
export interface Aircall {
"""


def stubs_of(operations: Iterable[Operation], language: Language = "python") -> str:
    """The stubs of `operations`, each with its effect where it is more than a read."""
    lines = [stub_of(one, language) for one in operations]
    if language == "python":
        return _PYTHON + "".join(f" {line}\n" for line in lines)
    return _TYPESCRIPT + "".join(f"{line}\n" for line in lines) + "}\n"


def stub_of(operation: Operation, language: Language = "python", *, bare: bool = False) -> str:
    """One operation on a line; `bare` as a function by itself, not a method."""
    told = " ".join(operation.summary.split()).rstrip(".")
    told = told if len(told) <= LONGEST else told[: LONGEST - 1].rpartition(" ")[0] + "…"
    if operation.effect != "read":
        told = f"[{operation.effect}] {told}"
    parts = [one for one in operation.parameters if one.name not in LEFT_OUT]
    parts.sort(key=lambda one: not one.required)
    if language == "python":
        given = [
            f"{spelled(one.name)}: {_python(one.schema, one.form)}"
            + ("" if one.required else " = ...")
            for one in parts
        ]
        names = ", ".join([*([] if bare else ["self"]), *(["*", *given] if given else [])])
        return f"async def {operation.id}({names}) -> J: ...  # {told}"
    given = [
        f"{one.name}{'' if one.required else '?'}: {_typescript(one.schema, one.form)}"
        for one in parts
    ]
    optional = "" if any(one.required for one in parts) else "?"
    named = f"a{optional}: {{{'; '.join(given)}}}" if given else ""
    return f"{operation.id}({named}): Promise<J>; // {told}"


def spelled(name: str) -> str:
    """The name of an argument in Python: `from_` where it would be a word of the language."""
    return f"{name}_" if keyword.iskeyword(name) else name


def _python(schema: Mapping[str, Any], form: str = "") -> str:
    if "enum" in schema:
        return f"L[{', '.join(json.dumps(one) for one in schema['enum'])}]"
    if form == "time":
        return "T"
    kind = schema["type"]
    if kind == "array":
        return f"list[{_python(schema['items'])}]"
    return {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}.get(kind, "J")


def _typescript(schema: Mapping[str, Any], form: str = "") -> str:
    if "enum" in schema:
        return " | ".join(json.dumps(one) for one in schema["enum"])
    if form == "time":
        return "T"
    kind = schema["type"]
    if kind == "array":
        inner = _typescript(schema["items"])
        return f"({inner})[]" if "|" in inner else f"{inner}[]"
    return {"string": "string", "integer": "number", "number": "number"}.get(
        kind, "boolean" if kind == "boolean" else "J"
    )
