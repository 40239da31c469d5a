"""Which clients: found, chosen, their files changed, and each config tried."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import click

from ...errors import StoreError, quoted
from ...ground.nearest import nearest
from .. import config, screen
from ..configs import changes
from ..configs.known_clients import CLIENTS, Client, Start
from ..configs.places import Machine
from .handshake import Greeting, command_of, greeted
from .questions import Questions, listed

if TYPE_CHECKING:
    from . import Did

say = screen.say


def named(given: str, machine: Machine) -> list[Client]:
    """The clients of a flag or an answer: names, numbers of those that are there, `all` or `none`.
    Raises `BadParameter`.
    """
    words = given.replace(",", " ").lower().split()
    there = found(machine)
    if words in ([], ["none"]):
        return []
    if words == ["all"]:
        return there
    known = {one.name: one for one in CLIENTS.values() if one.where}
    numbered = {str(number): one for number, one in enumerate(there, 1)}
    for word in words:
        if word not in known | numbered:
            close = nearest(word, known)
            raise click.BadParameter(f"`{quoted(word)}` is not a known client. {close}")
    several = ((known | numbered)[word] for word in words)
    return list({one.name: one for one in several}.values())


def found(machine: Machine) -> list[Client]:
    return [one for one in CLIENTS.values() if one.is_there(machine)]


def chosen(questions: Questions, machine: Machine) -> list[Client]:
    """Those that a person wants connected; all that are there, where nobody is asked."""
    there = found(machine)
    if questions.asking and there:
        say("\nWhich of these clients should be connected? Numbers or names, `all` or `none`.")
        for number, one in enumerate(there, 1):
            listed(f"{number}  ", one.title)
    elif questions.asking:
        names = ", ".join(one.name for one in CLIENTS.values() if one.where)
        say(f"\nNo client was found. Which should be connected anyway: {names}, or none?")
    proposed = "all" if there else "none"
    return questions.ask("Clients", proposed, lambda typed: named(typed, machine))


def joined(
    several: Sequence[Client],
    start_of: Callable[[Client], Start],
    machine: Machine,
    home: Path,
    questions: Questions,
    did: Did,
) -> list[Client]:
    """Put ours into their files, shown together and agreed to once; gives who has it now."""
    planned: list[changes.Change] = []
    for client in several:
        try:
            planned.append(changes.written(client, start_of(client), machine))
        except StoreError as error:
            screen.error(f"{client.title}: {error.message}", error.hint)
            did.failed = True
    needed = [change for change in planned if change.needed]
    for change in needed:
        say("")
        config.show_change(change)
    if needed and not questions.agree("\nChange these files?"):
        say("They were not changed.")
        return [change.client for change in planned if not change.needed]
    for change in needed:
        kept = change.make(home)
        before = "" if change.before is None else f" The earlier content is in {kept}."
        did.note(
            f"Connected {change.client.title}: {change.asked}.{before}",
            f"aircall-mcp config {change.client.name} --remove",
        )
    return [change.client for change in planned]


def tried(
    connected: Sequence[Client], start_of: Callable[[Client], Start], machine: Machine
) -> list[tuple[str, Greeting]]:
    """The server started by the very config of each, those that are alike once, and what it said.
    Where none is connected, as one would be.
    """
    starts: dict[str, tuple[list[str], tuple[str, list[str], dict[str, str]]]] = {}
    for client in connected:
        entry = changes.entry_of(client, machine)
        if entry is not None:
            how = command_of(entry)
            starts.setdefault(str(how), ([], how))[0].append(client.title)
    if not starts:
        how = command_of(start_of(CLIENTS["claude-code"]).entry)
        starts[""] = (["the server"], how)

    async def run() -> list[tuple[str, Greeting]]:
        return [(", ".join(titles), await greeted(*how)) for titles, how in starts.values()]

    return anyio.run(run)
