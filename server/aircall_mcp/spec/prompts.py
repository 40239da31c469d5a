"""The rows of the prompts, each checked against its own arguments."""

from __future__ import annotations

import re

from ..errors import SpecError
from .references import Json

COMPLETED = ("", "user", "number", "tag", "team")
"""What an argument may be completed with; `workflows/choices.py` has the lists."""


def prompt_row(name: str, prompt: Json) -> Json:
    """The row of a prompt. Raises `SpecError` for a key that is missing or one too many, and for a
    text that does not say what was given."""
    where = f"prompts.toml: {name}"
    if prompt.keys() != {"title", "description", "needs", "text", "arguments"}:
        raise SpecError(f"{where}: title, description, needs, text and arguments are its keys.")
    named = set(re.findall(r"\{(\w+)\}", prompt["text"]))
    if named != prompt["arguments"].keys():
        raise SpecError(f"{where}: the text names {sorted(named)}, the arguments are others.")
    arguments: list[Json] = []
    for argument, said in prompt["arguments"].items():
        if not said.keys() <= {"description", "required", "completes"}:
            raise SpecError(f"{where}: {argument} has a key that nobody reads.")
        if said.get("completes", "") not in COMPLETED:
            raise SpecError(f"{where}: {argument} is completed with no known kind.")
        arguments.append({"name": argument, **said})
    return {"name": name, **prompt, "arguments": arguments}
