"""`aircall-mcp lease`: a person's yes, given in advance."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import click

from ..errors import ArgumentError, quoted
from ..ground.caller import OWNER
from ..ground.config import settings_from
from ..ground.phones import E164_PATTERN, reached
from ..ground.times import iso
from . import screen
from .approve import at_terminal
from .numbers import ids_of
from .options import as_json, print_json

if TYPE_CHECKING:
    from ..safety.leases import Lease, Leased, Leases

T = TypeVar("T")

_BEGINNING = re.compile(r"\+[1-9]\d{1,14}\*", re.ASCII)
MOST = 1_000
SANDBOX = "sandbox"
"""The account of the built-in sandbox."""
_SANDBOX = click.option("--sandbox", is_flag=True, help="Of the built-in sandbox.")


@click.group("lease", cls=screen.Commands)
def group() -> None:
    """Yeses in advance: a number of calls or texts to these numbers, for some time."""


command = group


@group.command()
@click.argument("kind", type=click.Choice(["calls", "texts"]), metavar="calls|texts")
@click.argument("count", type=click.IntRange(1, MOST), metavar="COUNT")
@click.option(
    "--to",
    "recipients",
    multiple=True,
    required=True,
    metavar="NUMBER",
    help="A number: +14155550143, or a beginning such as '+1415*'. May be repeated.",
)
@click.option(
    "--minutes",
    type=click.IntRange(1, 1440),
    default=30,
    show_default=True,
    metavar="MINUTES",
    help="For how long.",
)
@click.option(
    "--from",
    "senders",
    multiple=True,
    metavar="NUMBER",
    help="One of your numbers: its id, its name, or +14155550143. May be repeated. Default: any.",
)
@click.option("--account", metavar="NAME", help="Default: the default account.")
@_SANDBOX
@click.option("--principal", default=OWNER, metavar="NAME", help="Who asks. Default: you.")
def give(
    kind: Leased,
    count: int,
    recipients: tuple[str, ...],
    minutes: int,
    senders: tuple[str, ...],
    account: str | None,
    sandbox: bool,
    principal: str,
) -> None:
    """Say yes to COUNT calls or texts in advance, so that nobody is asked about each.

    It answers only what the policy asks: refusals, caps, quiet hours and the suppression list
    still apply. It needs a terminal, like every yes.
    """
    numbers = [_number(one) for one in recipients]
    if sandbox and account:
        raise click.UsageError("--sandbox and --account cannot be combined.")
    acting = SANDBOX if sandbox else _acting(account)
    lines = ids_of(senders, None if acting == SANDBOX else acting, sandbox=acting == SANDBOX)
    screen.say(
        f"{count} {kind} {_between(numbers, lines)}, by {principal}, account {acting}, within"
        f" {minutes} minutes, without another question."
    )
    at_terminal()
    if not screen.confirmed("Give it?"):
        screen.say("No. No lease was given.")
        return

    async def work(leases: Leases) -> Lease:
        return await leases.give(
            kind,
            count,
            minutes * 60.0,
            principal=principal,
            account=acting,
            recipients=numbers,
            senders=lines,
        )

    lease = _with_leases(work)
    screen.say(f"Given (id {lease.id}), until {iso(lease.expires)}.")
    screen.next_step(f"To end it earlier: aircall-mcp lease revoke {lease.id}")


@group.command("list")
@_SANDBOX
@as_json
def list_(sandbox: bool, as_json: bool) -> None:
    """The leases that are valid now."""
    given = _given(sandbox=sandbox)
    if as_json:
        print_json([_fields(one) for one in given])
    elif not given:
        screen.say("There is no lease.")
    for one in given if not as_json else ():
        screen.out(
            f"{one.id}  {one.used} of {one.size} {one.kind} {_between(one.recipients, one.senders)}"
            f", by {one.principal}, account {one.account}, until {iso(one.expires)}"
        )


@group.command()
@click.argument("name", metavar="ID", required=False)
@click.option("--all", "every", is_flag=True, help="All of them.")
@_SANDBOX
def revoke(name: str | None, every: bool, sandbox: bool) -> None:
    """End the lease ID now."""
    if (name is None) is not every:
        raise click.UsageError("Give the id of a lease, or --all.")
    which = [name]
    if sandbox:
        which = [one.id for one in _given(sandbox=True) if name in (None, one.id)]
    count = sum(_with_leases(partial(_revoked, one)) for one in which)
    if not count and name is not None:
        raise ArgumentError(
            f"`{quoted(name)}` is not a valid lease.", hint="`aircall-mcp lease list` shows them."
        )
    screen.say(f"Ended: {count}.")


def _given(*, sandbox: bool) -> list[Lease]:
    given = _with_leases(lambda leases: leases.given())
    return [one for one in given if not sandbox or one.account == SANDBOX]


def _revoked(name: str | None, leases: Leases) -> Awaitable[int]:
    return leases.revoke(name, "revoked")


def _between(recipients: Iterable[str], senders: Iterable[int]) -> str:
    sender = ", ".join(map(str, senders)) or "any of your numbers"
    return f"to {', '.join(recipients)}, from {sender}"


def _fields(lease: Lease) -> dict[str, object]:
    return {
        "id": lease.id,
        "kind": lease.kind,
        "size": lease.size,
        "used": lease.used,
        "recipients": list(lease.recipients),
        "senders": list(lease.senders),
        "principal": lease.principal,
        "account": lease.account,
        "expires_at": iso(lease.expires),
    }


def _number(given: str) -> str:
    plain = re.sub(r"[\s().-]", "", given)
    if _BEGINNING.fullmatch(plain):
        return plain
    number = reached(given)
    if not re.fullmatch(E164_PATTERN, number, re.ASCII):
        raise ArgumentError(
            f"{quoted(given)!r} is not a phone number.",
            hint="Write it like +33184880000, or a beginning like '+3318*'.",
        )
    return number


def _acting(account: str | None) -> str:
    """The account that a call acts for which names this one, or none."""
    from ..app import accounts_of, open_vault

    settings = settings_from()
    if settings.sandbox:
        return SANDBOX
    with open_vault(settings) as vault:
        return accounts_of(settings, vault).resolve(account)


def _with_leases(work: Callable[[Leases], Awaitable[T]]) -> T:
    import anyio

    from ..safety.safety import Safety

    async def within() -> T:
        with closing(Safety.of(settings_from().home)) as safety:
            return await work(safety.leases)

    return anyio.run(within)
