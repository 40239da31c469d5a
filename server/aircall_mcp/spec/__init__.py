"""The compiled API description, turned into Operations.

`python -m aircall_mcp.spec.compile` (`make specs`) wrote the JSON that is read here; nothing at
the start parses YAML or TOML, follows a `$ref` or checks a schema.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from ..errors import SpecError
from ..ground.operation import Answer, Operation, Parameter, ReadBack, Retirement, Window, Wish
from ..ground.prompt import Prompt, PromptArgument


@dataclass(frozen=True, slots=True)
class Toolset:
    """A named group of operations that an owner can choose."""

    name: str
    title: str
    description: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """All that the sources said: operations in the order of the toolsets, and the old names."""

    operations: tuple[Operation, ...]
    toolsets: tuple[Toolset, ...]
    aliases: Mapping[str, str]
    prompts: tuple[Prompt, ...] = ()


def load() -> Compiled:
    """Read the compiled registry. Raises `SpecError` if it is missing or broken."""
    compiled = _read("registry.json")
    try:
        return Compiled(
            operations=tuple(operation_from(row) for row in compiled["operations"]),
            toolsets=tuple(Toolset(**row) for row in compiled["toolsets"]),
            aliases=compiled["aliases"],
            prompts=tuple(_prompt_from(row) for row in compiled["prompts"]),
        )
    except (KeyError, TypeError) as error:
        raise SpecError(f"registry.json does not fit this version: {error}.") from None


def operation_from(row: Mapping[str, Any]) -> Operation:
    """An Operation from its row in the compiled registry. Raises `SpecError` on a misfit."""
    try:
        answer: dict[str, Any] = {
            key: frozenset(value) if isinstance(value, list) else value  # pyright: ignore[reportUnknownArgumentType]
            for key, value in row["answer"].items()
        }
        whole: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value  # pyright: ignore[reportUnknownArgumentType]
            for key, value in row.items()
        }
        whole["parameters"] = tuple(_parameter_from(part) for part in row["parameters"])
        whole["answer"] = Answer(**answer)
        if row.get("retired"):
            whole["retired"] = Retirement(**row["retired"])
        if row.get("read_back"):
            whole["read_back"] = ReadBack(**row["read_back"])
        if row.get("window"):
            whole["window"] = Window(**row["window"])
        if row.get("wish"):
            wish: Mapping[str, Any] = row["wish"]
            whom = tuple(wish.get("whom", ()))
            whole["wish"] = Wish(wish["family"], whom, wish.get("what", {}))
        return Operation(**whole)
    except (KeyError, TypeError) as error:
        raise SpecError(
            f"The compiled operation {row.get('id')!r} does not fit: {error}."
        ) from None


def _prompt_from(row: Mapping[str, Any]) -> Prompt:
    arguments = tuple(PromptArgument(**part) for part in row["arguments"])
    whole: dict[str, Any] = {**row, "needs": tuple(row["needs"]), "arguments": arguments}
    return Prompt(**whole)


def _parameter_from(part: Mapping[str, Any]) -> Parameter:
    whole: dict[str, Any] = {**part, "urls": tuple(part.get("urls", ()))}
    return Parameter(**whole)


def document() -> dict[str, Any]:
    """The whole OpenAPI document of Aircall. Raises `SpecError` if it is missing or broken."""
    return _read("openapi.json")


def _read(name: str) -> dict[str, Any]:
    try:
        return json.loads(files("aircall_mcp").joinpath("_compiled", name).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SpecError(
            f"The compiled description {name} cannot be read ({type(error).__name__}).",
            hint="Reinstall aircall-mcp; in a checkout run `make specs`.",
        ) from None
