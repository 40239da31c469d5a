"""Which account: one of the vault, made if there is none, with its settings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import anyio
import click

from ...accounts import ENVIRONMENT, Account, check_name
from ...app import open_app
from ...errors import CredentialError
from ...ground.config import settings_from
from .. import accounts as keys
from .. import config, screen
from ..vault import create_if_missing
from .company import SHOWN, Company, Person, look
from .questions import Questions, listed

if TYPE_CHECKING:
    from ...vault import Kind, Vault
    from . import Did

say = screen.say

TRIES = 3
"""How often a person may mistype a key."""

WAYS = [
    ("key", "your company, by an API key (Dashboard: Integrations & API > API keys)"),
    ("login", "your company, by OAuth, as Aircall's partners do"),
    ("sandbox", "the built-in sandbox: no account, no phone rings"),
]


def way(flags: dict[str, Any], questions: Questions) -> str:
    """By which of `WAYS`, asked only where nothing says it yet."""
    if flags["sandbox"] or settings_from().sandbox:
        return "sandbox"
    if flags["login"]:
        return "login"
    given = flags["from_environment"] or flags["name"] or not questions.asking
    if given or config.accounts_in_vault(settings_from()):
        return "key"
    say("Which Aircall?")
    return questions.choose("Aircall", WAYS, "key")


def account_by(way: str, flags: dict[str, Any], questions: Questions, did: Did) -> Account:
    """The account to act for, in the vault, with its habits. Raises what Aircall says of it."""
    settings, vault, accounts = keys.opened()
    there = [one for one in accounts.names() if one != ENVIRONMENT]
    default = accounts.default()
    name = flags["name"] or (default if default in there else next(iter(there), "main"))
    check_name(name)
    if name in there:
        say(f"The account `{name}` is already in the vault; it is used.")
        anyio.run(keys.ping_as, settings, accounts, name)
    else:
        _make(name, way, flags, questions, vault, did)
        did.note(f"Added the account `{name}` to the vault.", f"aircall-mcp accounts remove {name}")
    account = accounts.load(name).account
    company = look(open_app(settings, vault=vault), name)
    say(f"\nThe company: {company.name or 'Aircall gives no name'}.")
    changed = _with_habits(account, company, flags, questions)
    if changed != account:
        keys.put(settings, accounts, changed, replace=True)
    me = next((str(one) for one in company.people if one.id == changed.default_user), "nobody")
    did.note(
        f"Kept with `{name}`: `me` is {me}, the time zone {changed.time_zone or 'your users have'},"
        f" at most {changed.requests_per_minute} requests a minute.",
        "aircall-mcp setup, with other answers",
    )
    return changed


def _make(
    name: str, way: str, flags: dict[str, Any], questions: Questions, vault: Vault, did: Did
) -> None:
    """Put a new account into the vault, which is made where there is none."""
    if not vault.made:
        create_if_missing(vault, flags["kind"] or _keeper(questions), os.environ, say)
        status = vault.status()
        did.note(f"Made the vault: {status.path}. Its key: {status.where}.")
    context = click.get_current_context()
    if way == "login":
        context.invoke(keys.login, name=name)
        return
    here = bool(os.environ.get("AIRCALL_API_ID") and os.environ.get("AIRCALL_API_TOKEN"))
    if here and not flags["from_environment"]:
        say("The key comes from AIRCALL_API_ID and AIRCALL_API_TOKEN.")
    given = flags["from_environment"] or here
    for left in range(TRIES - 1, -1, -1):
        try:
            context.invoke(
                keys.add,
                name=name,
                from_environment=given,
                requests_per_minute=flags["requests_per_minute"] or 60,
                time_zone="",  # proposed below, from what Aircall tells
            )
            break
        except CredentialError as error:
            if given or not left or not questions.asking:
                raise
            screen.error(error.message, error.hint)
    questions.asked += 0 if here else 2


def _keeper(questions: Questions) -> Kind | None:
    """Who keeps the key of a new vault: the keyring, if this machine has one that is trusted."""
    from ...vault import KEY_VARIABLE
    from ...vault.keys.desktop import system_backend

    if os.environ.get(KEY_VARIABLE) or system_backend() is not None:
        return None
    if questions.asking:
        say("\nThis machine has no keyring for the key of the vault. Where should it be kept?")
    ways: list[tuple[Kind, str]] = [
        ("file", "in a file beside the vault, for you alone"),
        ("passphrase", "nowhere: you type it, and clients need AIRCALL_MCP_VAULT_PASSPHRASE"),
        ("environment", f"in {KEY_VARIABLE}, set before (`openssl rand -base64 32` makes one)"),
    ]
    chosen = questions.choose("Key", ways, "file")
    return next(kind for kind, _ in ways if kind == chosen)


def _with_habits(
    account: Account, company: Company, flags: dict[str, Any], questions: Questions
) -> Account:
    """`account` with its `me`, its zone and its limit, as they were said or are proposed."""
    user, number = account.default_user, account.default_number
    me: Person | None = None
    if company.people or flags["me"] is not None:
        me = _me(user, company, flags, questions)
        number = None if me is None else me.number if me.id != user else number or me.number
        user = me.id if me else None
    zone = flags["time_zone"]
    if zone is None:
        proposed = account.time_zone or (me.zone if me else None) or company.zone or ""
        if questions.asking:
            say("\nThe time zone for times without one; Aircall has this one for your users.")
        zone = questions.ask("Time zone", proposed, keys.zone)
    pace = flags["requests_per_minute"]
    if pace is None:
        if questions.asking:
            say(
                "\nHow many requests a minute Aircall allows the company. Aircall tells it only"
                " when the limit is reached; its documentation says 60, newer pages 120."
            )
        pace = questions.ask("Requests a minute", str(account.requests_per_minute), keys.pace_of)
    habits = {"default_user": user, "default_number": number, "time_zone": zone or None}
    return account.model_copy(update={**habits, "requests_per_minute": pace})


def _me(
    user: int | None, company: Company, flags: dict[str, Any], questions: Questions
) -> Person | None:
    if flags["me"] is not None:
        return company.found(flags["me"])
    now = next((one for one in company.people if one.id == user), None)
    if questions.asking:
        enter = f"leaves it {now}" if now else "for nobody"
        say(f"\nWhose phone is `me`? Type an id, a name or an e-mail; Enter {enter}.")
        for one in company.people[:SHOWN]:
            listed(f"{one.id}  ", str(one))
        if len(company.people) > SHOWN:
            say(f"  … and {len(company.people) - SHOWN} more")
    shown = str(now) if now else "nobody"
    return questions.ask("Me", str(now.id) if now else "", company.found, shown=shown)
