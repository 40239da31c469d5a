"""Questions to a person; a flag answers each as well, and Enter accepts the proposal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import click

from .. import screen

T = TypeVar("T")


def listed(mark: str, text: str) -> None:
    """One line of a list, indented, its other lines under its text."""
    screen.show(text, first=f"  {mark}", rest=" " * (2 + len(mark)), err=True)


@dataclass(slots=True)
class Questions:
    """Asks where a person is there; with `yes`, or where nobody is, what is proposed is taken."""

    yes: bool
    person: bool
    asked: int = field(default=0)
    """How many answers were typed."""

    @property
    def asking(self) -> bool:
        return self.person and not self.yes

    def ask(
        self, question: str, proposed: str, check: Callable[[str], T], *, shown: str | None = None
    ) -> T:
        """What a person says, checked; asked anew where `check` raises `BadParameter`."""
        if not self.asking:
            return check(proposed)
        self.asked += 1

        def said(typed: str) -> T:
            return check(typed.strip() or proposed)

        shown = proposed if shown is None else shown
        return click.prompt(
            f"{question} [{shown}]",
            default=proposed,
            show_default=False,
            value_proc=said,
            err=True,
        )

    def choose(self, question: str, choices: Sequence[tuple[str, str]], proposed: str) -> str:
        """The word of one of `choices`, each a word and what it means; its number does as well."""
        words = [word for word, _ in choices]
        if self.asking:
            wide = max(map(len, words)) + 2
            for number, (word, meaning) in enumerate(choices, 1):
                listed(f"{number}  {word:<{wide}}", meaning)

        def check(typed: str) -> str:
            typed = typed.strip().lower()
            if typed.isdigit() and 1 <= int(typed) <= len(words):
                return words[int(typed) - 1]
            if typed in words:
                return typed
            raise click.BadParameter(f"Choose one of {', '.join(words)}.")

        return self.ask(question, proposed, check)

    def agree(self, question: str) -> bool:
        """A yes or no; yes where nobody is asked."""
        if not self.asking:
            return True
        self.asked += 1
        return click.confirm(question, default=True, err=True)
