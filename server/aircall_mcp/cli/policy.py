"""`aircall-mcp policy`: what is allowed, asked for and refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ArgumentError, SettingsError
from ..ground.config import settings_from
from . import completion, options, screen
from .options import as_json, print_json
from .roles import ROLES

if TYPE_CHECKING:
    from ..app import App
    from ..safety.policy import Policy

LISTED = "`aircall-mcp run list_numbers` lists your numbers with their ids."


@click.group("policy", cls=screen.Commands)
def group() -> None:
    """What a model may do without a yes, what it has to ask for, and what it may not do."""


command = group


@group.command()
@as_json
def show(as_json: bool) -> None:
    """The current policy, in words."""
    from ..safety.wording import lines_of, table_of

    settings = settings_from()
    policy = _policy(settings.home)
    if as_json:
        print_json(table_of(policy))
        return
    file = _file(settings.home)
    screen.say(f"{file}\n" if policy.written else f"There is no {file}: these are the defaults.\n")
    for line in lines_of(policy, settings.allow):
        screen.out(line)
    _warn_of(settings.home)


@group.command()
@click.argument("operation", shell_complete=completion.operations)
@click.option("--arg", "pairs", multiple=True, metavar="K=V", help="One argument.")
@click.option("--args", "given", metavar="JSON", help="All arguments as one JSON object.")
@options.upstream
@as_json
def check(
    operation: str, pairs: tuple[str, ...], given: str | None, as_json: bool, **flags: Any
) -> None:
    """What would happen to OPERATION with these arguments. Nothing is done.

    Aircall is asked for the countries of your numbers and whether a recipient is a contact.
    """
    import anyio

    from .run import arguments_of

    app = options.app(include_deprecated=True, **flags)
    name = app.desk.registry.find(operation).tool
    arguments = {**arguments_of(pairs, given), "dry_run": True}

    async def look() -> tuple[Any, bool, list[str]]:
        from ..ground.caller import Caller

        async with app:
            outcome = await app.desk.call(name, arguments, Caller(interface="cli"))
            unasked = not app.settings.ask and await app.desk.at_sandbox()
            strays = [] if outcome.is_error or unasked else await strays_in(app)
            return outcome, unasked, strays

    outcome, unasked, strays = anyio.run(look)
    if as_json or outcome.is_error:
        print_json(outcome.payload)
    else:
        screen.out(outcome.payload["data"]["would"])
        if unasked and outcome.payload["data"]["say"] == "allow":
            screen.say("In a sandbox everything is allowed; --ask shows what the policy says.")
        for words in strays:
            screen.say(f"{words} {LISTED}")
    if outcome.is_error:
        raise click.exceptions.Exit(1)


@group.command()
@click.option("--from", "preset", type=click.Choice(list(ROLES)), help="Start with this preset.")
def edit(preset: str | None) -> None:
    """Change the policy in your editor. If it has no error, it takes effect at once."""
    from ..ground.private_files import Modes
    from ..safety.policy_file import policy_of, preset_text

    file = _file(settings_from().home)
    modes = Modes()
    kept = modes.read_written(file)
    if preset is not None and kept is not None:
        raise ArgumentError(f"{file} already exists.", hint="Remove it first, or leave out --from.")
    text = (kept or preset_text(preset or "default")).decode()
    while True:
        edited = click.edit(text, extension=".toml")
        if edited is None or edited.encode() == kept:
            screen.say("Nothing was changed.")
            return
        try:
            policy_of(edited.encode(), file.name, *names())
        except SettingsError as error:
            screen.error(error.message, error.hint)
            if not click.confirm("Continue editing?", default=True, err=True):
                raise
            text = edited
            continue
        modes.directory(file.parent)
        modes.replace(file, edited.encode())
        screen.say(f"{file} is in force from now on, in every running server.")
        return


@group.command()
@click.argument("preset", type=click.Choice(list(ROLES)))
def use(preset: str) -> None:
    """Write PRESET as the policy, if there is none yet."""
    file = _file(settings_from().home)
    if not adopted(preset, file.parent):
        raise ArgumentError(f"{file} already exists.", hint="`aircall-mcp policy edit` changes it.")
    screen.say(f"{file} is in force from now on. `aircall-mcp policy show` explains it.")


def adopted(preset: str, home: Path) -> bool:
    """Write `preset` as the policy of `home`; False, and nothing done, where there is one."""
    from ..ground.private_files import Modes
    from ..safety.policy_file import preset_text

    file = _file(home)
    if Modes().read_written(file) is not None:
        return False
    Modes().directory(home)
    Modes().replace(file, preset_text(preset))
    return True


async def strays_in(app: App) -> list[str]:
    """What the policy names as a number of the company that is none of it, a sentence each. Raises
    `CredentialError`, and what is wrong with the file."""
    account = await app.company.account(None)
    return await app.company.strays(account, _policy(app.settings.home))


def _warn_of(home: Path) -> None:
    """What of the home keeps every call from being judged, where this file can be read anyway."""
    from ..errors import StoreError
    from ..ground.private_files import Modes

    if home.exists():
        try:
            Modes().directory(home)
        except StoreError as error:
            screen.error(error.message, f"Until then nothing is done. {error.hint}")


def _file(home: Path) -> Path:
    from ..safety.policy_file import NAME

    return home / NAME


def _policy(home: Path) -> Policy:
    from ..safety.policy_file import policy_in

    return policy_in(home, *names())


def names() -> tuple[list[str], list[str]]:
    """The operations and the toolsets that a policy may name."""
    from .. import spec
    from ..offer import Registry

    registry = Registry.of(spec.load())
    return registry.judged, [one.name for one in registry.toolsets]
