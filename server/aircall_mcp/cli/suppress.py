"""`aircall-mcp suppress`: the numbers that nobody calls or texts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

import click

from ..errors import ArgumentError, quoted
from ..ground.config import settings_from
from ..ground.phones import E164_PATTERN, reached
from . import screen
from .options import as_json, print_json

if TYPE_CHECKING:
    from ..safety.usage import Usage

T = TypeVar("T")


@click.group("suppress", cls=screen.Commands)
def group() -> None:
    """Numbers that nobody calls or texts from here, even with a yes."""


command = group


@group.command()
@click.argument("numbers", nargs=-1, required=True, metavar="NUMBER...")
@click.option("--why", default="added by hand", help="A note, kept with the number.")
def add(numbers: tuple[str, ...], why: str) -> None:
    """Do not call or text NUMBER from now on."""

    async def work(usage: Usage) -> None:
        for number in _e164(numbers):
            new = await usage.suppress(number, why)
            screen.say(f"{number} is suppressed{'' if new else ' already'}.")

    _with_usage(work)


@group.command("list")
@as_json
def list_(as_json: bool) -> None:
    """The suppressed numbers, and why."""

    async def work(usage: Usage) -> None:
        listed = await usage.suppressed()
        if as_json:
            print_json([{"number": number, "why": why} for number, why in listed.items()])
        elif not listed:
            screen.say("The list is empty.")
        else:
            for number, why in listed.items():
                screen.out(f"{number}  {why}")

    _with_usage(work)


@group.command()
@click.argument("numbers", nargs=-1, required=True, metavar="NUMBER...")
def remove(numbers: tuple[str, ...]) -> None:
    """Take NUMBER off the list. It needs a terminal, so that a model with a shell cannot do it."""
    if not screen.attended():
        raise ArgumentError(
            "There is no terminal, so no number was removed.",
            hint="Run it in a terminal yourself.",
        )

    async def work(usage: Usage) -> None:
        for number in _e164(numbers):
            was = await usage.unsuppress(number)
            screen.say(f"{number} is {'off the list' if was else 'not on the list'}.")

    _with_usage(work)


def _with_usage(work: Callable[[Usage], Awaitable[T]]) -> T:
    import anyio

    from ..safety.safety import Safety

    async def within() -> T:
        with closing(Safety.of(settings_from().home)) as safety:
            return await work(safety.usage)

    return anyio.run(within)


def _e164(numbers: tuple[str, ...]) -> list[str]:
    import re

    read = [reached(number) for number in numbers]
    for number, given in zip(read, numbers, strict=True):
        if not re.fullmatch(E164_PATTERN, number, re.ASCII):
            raise ArgumentError(
                f"{quoted(given)!r} is not a phone number.", hint="Write it like +33184880000."
            )
    return read
