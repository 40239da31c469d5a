"""`aircall-mcp forward`: where events are forwarded."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ..errors import ArgumentError, quoted
from ..ground.config import settings_from
from ..ground.nearest import nearest
from ..ground.secrets import Secret
from . import completion, screen
from .events import with_events
from .options import as_json, print_json
from .stop import standing
from .vault import create_if_missing

if TYPE_CHECKING:
    from ..events.events import Events
    from ..events.forwarding.rules import Rule, Undelivered

NOTHING = "Nothing is forwarded yet. next: aircall-mcp forward add"
DIRECT = (
    "Deliveries do not go by the proxy: the address that was looked up and found to be public is"
    " the one that is connected to, and a proxy would look it up anew."
)


@click.group("forward", cls=screen.Commands)
def group() -> None:
    """Forward events to Slack, or to your own system."""


command = group


@group.command()
@click.option(
    "--kinds",
    required=True,
    metavar="A,B",
    help="Such as message.received,call.*",
    shell_complete=completion.kinds,
)
@click.option("--to", required=True, metavar="NAME", help="slack:NAME or https:NAME.")
@click.option("--allow-private", is_flag=True, help="The address may be in your own network.")
@as_json
def add(kinds: str, to: str, allow_private: bool, as_json: bool) -> None:
    """Forward KINDS to a destination; its address is asked for once and kept in the vault.

    The address is read from a prompt, stdin or AIRCALL_MCP_FORWARD_URL, never from an argument.
    """

    def work(ours: Events) -> tuple[Rule, str | None]:
        from ..events.forwarding.rules import check_destination
        from ..events.kinds import named

        wanted = named(kinds)
        if not wanted:
            raise ArgumentError("No kind of event was given.", hint="Such as --kinds call.ended")
        ours.log.check_kinds(wanted)
        check_destination(to)
        vault, rules = ours.vault, ours.rules
        create_if_missing(vault, None, os.environ, screen.say)
        key = None
        if all(one.name != to for one in rules.destinations()):
            key = rules.name_destination(to, _address(to), vault, private=allow_private)
        return rules.add(wanted, to), key

    rule, key = with_events(work)
    if as_json:
        print_json(asdict(rule) | ({"signing_key": key} if key else {}))
        return
    screen.say(f"Rule {rule.id}: {', '.join(rule.kinds)} to {rule.destination}.")
    if key is not None:
        screen.say("What is sent there is signed with this key, which is shown only once:")
        click.echo(key)


@group.command("list")
@as_json
def listed(as_json: bool) -> None:
    """The rules, and the destinations by name."""
    found, known = with_events(lambda ours: (ours.rules.status(), ours.rules.destinations()))
    if as_json:
        print_json(
            {
                "rules": [asdict(rule) for rule in found],
                "destinations": [{"name": one.name, "private": one.private} for one in known],
            }
        )
        return
    rows = [
        (str(rule.id), ", ".join(rule.kinds), rule.destination, rule.maker, rule.account or "all")
        for rule in found
    ]
    ruled = {rule.destination for rule in found}
    rows += [("-", "no rule", one.name, "", "") for one in known if one.name not in ruled]
    if rows:
        screen.table(("rule", "kinds", "to", "made by", "account"), rows)
    else:
        screen.say(NOTHING)


@group.command()
@click.option("--retry", is_flag=True, help="Try again what was given up.")
@as_json
def status(retry: bool, as_json: bool) -> None:
    """Deliveries: sent, waiting, and given up."""

    def work(ours: Events) -> tuple[int, list[Rule], list[Undelivered]]:
        again = ours.rules.try_again() if retry else 0
        return again, ours.rules.status(), ours.rules.undelivered()

    again, found, lost = with_events(work)
    note = DIRECT if settings_from().proxy and found else ""
    stopped = standing(say=not as_json)
    if as_json:
        print_json(
            {
                **stopped,
                "rules": [asdict(rule) for rule in found],
                "undelivered": [asdict(one) for one in lost],
                "put_back": again,
                **({"note": note} if note else {}),
            }
        )
    else:
        if note:
            screen.say(note)
        if not found:
            screen.say(NOTHING)
        for rule in found:
            summed = f", {rule.summed} only in summaries" if rule.summed else ""
            fault = f"  last error: {rule.fault}" if rule.fault else ""
            screen.show(
                f"to {rule.destination}: {rule.sent} sent, {rule.waiting} waiting,"
                f" {rule.failed} given up{summed}{fault}",
                first=f"{rule.id:>4}  ",
                rest=" " * 6,
            )
        for one in lost:
            screen.show(
                f"event {one.sequence} ({one.kind}): {one.fault}, {one.attempts} tries",
                first=" " * 6,
                rest=" " * 8,
            )
    if lost:
        raise click.exceptions.Exit(1)


@group.command()
@click.argument("what")
@as_json
def remove(what: str, as_json: bool) -> None:
    """Remove the rule with this number, or a destination by name with its rules."""

    def work(ours: Events) -> tuple[bool, list[str]]:
        if what.isdigit():
            gone = ours.rules.remove(int(what))
        else:
            gone = ours.rules.forget(what, ours.vault)
        rules = [str(rule.id) for rule in ours.rules.status()]
        return gone, [*rules, *(one.name for one in ours.rules.destinations())]

    gone, left = with_events(work)
    if as_json:
        print_json({"removed": gone})
    if not gone:
        known = f"Known: {', '.join(left)}." if left else ""
        raise ArgumentError(
            f"There is no rule or destination `{quoted(what)}`.",
            hint=f"{nearest(what, left)} {known}".strip() or NOTHING,
        )
    if not as_json:
        screen.say(f"Removed {what}: nothing more is sent there.")


def _address(to: str) -> Secret:
    given = os.environ.get("AIRCALL_MCP_FORWARD_URL") or screen.hidden(f"Address of {to}") or ""
    return Secret(given.strip().removeprefix("\ufeff"))
