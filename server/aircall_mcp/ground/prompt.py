"""An MCP prompt: what a person picks in the client, and the text that the model gets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import ArgumentError
from .visible import clean

LONGEST = 2_000
"""Characters of one argument."""

_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class PromptArgument:
    """`completes` is the kind of thing that a client may complete it with, or nothing."""

    name: str
    description: str
    required: bool = False
    completes: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """`needs` are the operations without which it is of no use."""

    name: str
    title: str
    description: str
    text: str
    needs: tuple[str, ...]
    arguments: tuple[PromptArgument, ...]

    def told(self, given: Mapping[str, str]) -> str:
        """The text for the model: a line of what was not given is left out.

        Raises `ArgumentError` for what is missing, unknown or too long.
        """
        known = {argument.name: argument for argument in self.arguments}
        words = {name: " ".join(clean(value).split()) for name, value in given.items()}
        if unknown := words.keys() - known.keys():
            raise ArgumentError(
                f"{self.name} has no argument {', '.join(sorted(unknown))}.",
                hint=f"It takes {', '.join(known)}.",
            )
        missing = [one.name for one in self.arguments if one.required and not words.get(one.name)]
        if missing:
            raise ArgumentError(f"{self.name} needs {', '.join(missing)}.")
        if long := [name for name, value in words.items() if len(value) > LONGEST]:
            raise ArgumentError(f"{', '.join(long)}: at most {LONGEST} characters.")
        lines = self.text.strip().splitlines()
        told = [line for line in lines if all(words.get(name) for name in _PLACE.findall(line))]
        return _PLACE.sub(lambda place: words[place[1]], "\n".join(told))
