"""`aircall-mcp accounts`: credentials into the vault, and out of it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import anyio
import click

from ..accounts import (
    ENVIRONMENT,
    TOKEN_URL,
    Account,
    Accounts,
    ApiKey,
    Grant,
    account_from,
    check_name,
    copied,
)
from ..accounts.auth import clients_of
from ..accounts.oauth import AUTHORIZE_URL
from ..app import accounts_of, host_of, ping, ping_as
from ..errors import CredentialError, Refused, ToolError, quoted
from ..ground.config import NoZone, Settings, known_zone, settings_from
from ..ground.secrets import Secret
from . import completion, screen
from .options import ID, as_json, print_json, scrubbed
from .vault import KINDS, create_if_missing, vault_of

if TYPE_CHECKING:
    from ..vault import Kind, Vault

say = screen.say

PACE = click.IntRange(1, 100_000)
PERSONAL = (
    "An account opens recordings, texts and transcripts of real people to the model you connect:"
    " their words are personal data, so connect only a model that you may show them to."
)


def zone(value: str) -> str:
    """A time zone that is known here, or nothing."""
    try:
        return known_zone(value) if value else value
    except NoZone as error:
        hint = error.hint or "Such as Europe/Paris."
        raise click.BadParameter(f"`{quoted(value)}` is not an IANA time zone. {hint}") from None


@click.group("accounts", cls=screen.Commands)
def group() -> None:
    """The Aircall companies this server can act for."""


command = group


@group.command()
@click.argument("name", default="main")
@click.option("--from-environment", is_flag=True, help="Use AIRCALL_API_ID and AIRCALL_API_TOKEN.")
@click.option("--requests-per-minute", type=PACE, help="What Aircall allows the whole company.")
@click.option(
    "--time-zone",
    type=zone,
    metavar="ZONE",
    help="For times without an offset: Europe/Paris.",
)
@click.option("--user", type=ID, metavar="ID", help="The user that calls are made for.")
@click.option("--number", type=ID, metavar="ID", help="The number that calls are made from.")
@click.option(
    "--key", "kind", type=click.Choice(KINDS), help="Where the key of a new vault is kept."
)
def add(
    name: str,
    from_environment: bool,
    requests_per_minute: int | None,
    time_zone: str | None,
    user: int | None,
    number: int | None,
    kind: Kind | None,
) -> None:
    """Add the account NAME with an API key of the Aircall dashboard.

    Id and token are asked for, hidden; without a terminal they are read from stdin, one per line.
    """
    settings, vault, accounts = opened()
    check_name(name)
    if name in accounts.names():
        raise CredentialError(
            f"There is an account `{name}` already.",
            hint=f"Remove it first (`aircall-mcp accounts remove {name}`), or choose another name.",
        )
    say(PERSONAL)
    # What the environment has is looked at before anything is made; a person is asked after it.
    key = api_key(os.environ) if from_environment else None
    create_if_missing(vault, kind, os.environ, say)
    key = key or api_key(None)
    known: dict[str, Any] = {
        "name": name,
        "host": host_of(settings),
        "credential": key,
        "default_user": user,
        "default_number": number,
    }
    # A wrong key is said before anything else is asked.
    try:
        anyio.run(ping, settings, account_from(**known))
    except Refused as error:
        if error.status not in (401, 403):
            raise
        raise CredentialError(
            f"Aircall does not accept this key ({error.status}); nothing was stored.",
            hint="Copy id and token again, or make another key in the Aircall dashboard:"
            " Integrations & API, API keys.",
        ) from None
    account = account_from(**known, **asked_habits(requests_per_minute, time_zone))
    put(settings, accounts, account)
    say(f"Added `{name}`: Aircall accepts the key. {_pace(account)}")


@group.command()
@click.argument("name", default="main")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The registered port.")
@click.option("--paste", is_flag=True, help="Paste the answer instead of being called back.")
@click.option("--redirect-uri", metavar="URL", help="The registered address, with --paste.")
@click.option("--no-browser", is_flag=True, help="Print the address instead of opening it.")
@click.option("--authorize-url", default=AUTHORIZE_URL, show_default=True)
@click.option("--token-url", default=TOKEN_URL, show_default=True)
@click.option(
    "--key", "kind", type=click.Choice(KINDS), help="Where the key of a new vault is kept."
)
def login(
    name: str,
    port: int,
    paste: bool,
    redirect_uri: str | None,
    no_browser: bool,
    authorize_url: str,
    token_url: str,
    kind: Kind | None,
) -> None:
    """Log NAME in with OAuth, as an admin of the company; also when a grant was withdrawn.

    The client id and secret are those Aircall gave to your application; they are asked for, or
    taken from AIRCALL_CLIENT_ID and AIRCALL_CLIENT_SECRET.
    """
    from ..accounts import login as home
    from ..accounts.oauth import OAuthClient
    from ..ground.browser import open_browser

    if paste and not redirect_uri:
        raise click.UsageError("--paste needs --redirect-uri, as Aircall has registered it.")
    settings, vault, accounts = opened()
    check_name(name)
    former = _former(accounts, name)
    if former is not None and isinstance(former.credential, ApiKey):
        _confirm_replacement(name)
    say(PERSONAL)
    create_if_missing(vault, kind, os.environ, say)
    client = OAuthClient(*_client(former, os.environ, token_url), authorize_url, token_url)

    async def show(url: str) -> None:
        # Whatever opens it says little: that a browser was found, or that one has ended.
        say(f"Allow access in your browser, at this address:\n\n  {url}\n")
        if not no_browser:
            await anyio.to_thread.run_sync(open_browser, url)

    async def ask() -> str:
        return screen.hidden("Paste the address you came back to, or the code") or ""

    http = clients_of(settings)

    async def bring() -> Grant:
        if redirect_uri:
            return await home.by_hand(client, show, ask, redirect_uri=redirect_uri, http=http)
        return await home.through_browser(client, show, port=port, http=http)

    grant = anyio.run(bring)
    if former is None:
        account = account_from(name=name, host=host_of(settings), credential=grant)
    else:
        account = former.model_copy(update={"credential": grant, "state": "ready"})
    doubt = _doubt(settings, account)
    put(settings, accounts, account, replace=former is not None)
    ends = "never expires" if grant.expires_at is None else "is renewed automatically"
    known = "Aircall accepts the grant, which" if doubt is None else "the grant"
    say(f"Logged `{name}` in: {known} {ends}. {_pace(account)}")
    if doubt is not None:
        say(
            f"Whether Aircall accepts the grant could not be checked: {doubt.message}"
            f" Check later: `aircall-mcp accounts test {name}`."
        )


@group.command("list")
@as_json
def list_(as_json: bool) -> None:
    """Every account: never more of a credential than its last four characters."""
    _, _, accounts = opened()
    rows = listed(accounts)
    if as_json:
        print_json({"accounts": rows})
        return
    if not rows:
        say("No account yet. next: aircall-mcp accounts add")
    if rows:
        screen.table(
            ("  account", "credential", "state"),
            [
                (f"{'*' if row['default'] else ' '} {row['name']}", row["credential"], row["state"])
                for row in rows
            ],
        )


@group.command()
@click.argument("name", required=False, shell_complete=completion.accounts)
def test(name: str | None) -> None:
    """Ask Aircall whether it still accepts the credential of NAME."""
    settings, _, accounts = opened()
    name = accounts.resolve(name)
    anyio.run(ping_as, settings, accounts, name)
    say(f"Aircall accepts the credential of `{name}`.")


@group.command()
@click.argument("name", shell_complete=completion.accounts)
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(name: str, yes: bool) -> None:
    """Remove NAME from the vault. At Aircall its key or grant stays valid."""
    settings, vault, accounts = opened()
    accounts.check_shelved(name)
    if not yes:
        click.confirm(f"Remove `{name}` and its credential from the vault?", abort=True, err=True)
    _forget_contacts(settings, vault, name)
    accounts.remove(name)
    say(f"Removed `{name}`. Delete its key in the Aircall dashboard too, if nobody needs it.")


@group.command("forget-contacts")
@click.argument("name", shell_complete=completion.accounts)
def forget_contacts(name: str) -> None:
    """Erase the names of NAME's contacts stored here; the next search reads them again."""
    settings, vault, _ = opened()
    say(f"Erased {_forget_contacts(settings, vault, name)} contacts of `{name}`.")


@group.command()
@click.argument("name", shell_complete=completion.accounts)
def default(name: str) -> None:
    """Act for NAME by default."""
    _, _, accounts = opened()
    accounts.make_default(name)
    say(f"`{name}` is the default account.")


def _forget_contacts(settings: Settings, vault: Vault, name: str) -> int:
    from contextlib import closing

    from ..workflows.cards import cards_in

    with closing(cards_in(settings.home, vault)) as cards:
        return cards.erase(name)


def opened() -> tuple[Settings, Vault, Accounts]:
    """What the commands work on, closed when the command ends; one that goes on within another
    works on what that has opened, so that nobody types a passphrase twice.
    """
    meta = click.get_current_context().meta
    if __name__ not in meta:
        settings = settings_from()
        vault = vault_of(settings)
        meta[__name__] = settings, vault, accounts_of(settings, vault)
    return meta[__name__]


def put(settings: Settings, accounts: Accounts, account: Account, *, replace: bool = False) -> None:
    """Store `account`; nobody renews it meanwhile."""
    from ..storage.lock import latches

    with latches(settings.home)(account.name).held():
        accounts.add(account, replace=replace)


def listed(accounts: Accounts) -> list[dict[str, Any]]:
    """What `accounts list` says of each account."""
    default, rows = accounts.default(), list[dict[str, Any]]()
    for name in accounts.names():
        row: dict[str, Any] = {"name": name, "default": name == default}
        try:
            account = accounts.load(name).account
        except ToolError as error:
            state = scrubbed(f"{error.message} {error.hint}".rstrip())
            rows.append(row | {"credential": "unreadable", "state": state})
            continue
        credential = account.credential
        secret = credential.api_token if isinstance(credential, ApiKey) else credential.access_token
        what = "API key" if isinstance(credential, ApiKey) else "OAuth grant"
        state = {
            "ready": "ready",
            "renewing": "a renewal was begun",
            "reauth_required": f"run `aircall-mcp accounts login {name}`",
        }[account.state]
        rows.append(
            row
            | {
                "credential": f"{what} {secret.tail}",
                "state": state,
                "host": account.host,
                "requests_per_minute": account.requests_per_minute,
                "time_zone": account.time_zone,
                "default_user": account.default_user,
                "default_number": account.default_number,
                "from": "the environment" if name == ENVIRONMENT else "the vault",
            }
        )
    return rows


def api_key(environment: Mapping[str, str] | None) -> ApiKey:
    """The key a person gives: from `environment`, by hidden prompt, or as two lines of stdin."""
    if environment is not None:
        names = ("AIRCALL_API_ID", "AIRCALL_API_TOKEN")
        api_id, api_token = (copied(name, environment.get(name, "")) for name in names)
    else:
        api_id, api_token = _asked("API id"), _asked("API token")
    if not api_id or not api_token:
        raise CredentialError(
            "An API key has an id and a token; one of them is missing.",
            hint="Make a key in the Aircall dashboard: Integrations & API, API keys.",
        )
    return ApiKey(api_id=api_id, api_token=api_token)


def asked_habits(requests_per_minute: int | None, time_zone: str | None) -> dict[str, Any]:
    """The pace and the time zone, asked for where a person is there and has not said them."""
    if sys.stdin.isatty():
        if requests_per_minute is None:
            say("How many requests a minute Aircall allows the company: its newer docs say 120.")
            requests_per_minute = int(
                click.prompt("Requests a minute", value_proc=pace_of, default=60, err=True)
            )
        if time_zone is None:
            say("The zone for times without one, such as Europe/Paris; empty: that of your users.")
            time_zone = str(
                click.prompt("Time zone", value_proc=zone, default="", show_default=False, err=True)
            )
    return {"requests_per_minute": requests_per_minute or 60, "time_zone": time_zone or None}


def _client(
    former: Account | None, environment: Mapping[str, str], token_url: str
) -> tuple[Secret, Secret]:
    """Client id and secret: from the environment, from the last login at this very token URL, or
    by hidden prompt.
    """
    client_id, client_secret = (
        copied(name, environment.get(name, ""))
        for name in ("AIRCALL_CLIENT_ID", "AIRCALL_CLIENT_SECRET")
    )
    if client_id and client_secret:
        return client_id, client_secret
    last = former.credential if former else None
    if (
        isinstance(last, Grant)
        and last.token_url == token_url
        and last.client_id
        and last.client_secret
    ):
        return last.client_id, last.client_secret
    client_id, client_secret = _asked("client id"), _asked("client secret")
    if not client_id or not client_secret:
        raise CredentialError(
            "An OAuth client has an id and a secret; one of them is missing.",
            hint="Set AIRCALL_CLIENT_ID and AIRCALL_CLIENT_SECRET, or type them on a terminal.",
        )
    return client_id, client_secret


def _asked(name: str) -> Secret:
    """By hidden prompt, or as a line of stdin."""
    try:
        text = screen.hidden(name[0].upper() + name[1:]) or ""
    except UnicodeDecodeError:
        raise CredentialError("The input is not text.", hint="Copy it again.") from None
    return copied(f"The {name}", text.removeprefix("\ufeff"))


def _confirm_replacement(name: str) -> None:
    """A login may not cost a person a key that Aircall shows only once."""
    if not sys.stdin.isatty():
        raise CredentialError(
            f"`{name}` is an account with an API key, which a login would replace.",
            hint="Log in under another name (`aircall-mcp accounts login NAME`), or remove the key"
            f" first (`aircall-mcp accounts remove {name}`).",
        )
    click.confirm(f"`{name}` is an account with an API key. Replace the key?", abort=True, err=True)


def _doubt(settings: Settings, account: Account) -> ToolError | None:
    """Why Aircall could not be asked whether it knows a grant: its code is spent, so that only a
    refusal may lose it. A 403 is one, since a ping needs no add-on. Raises `Refused` for it.
    """
    try:
        anyio.run(ping, settings, account)
    except ToolError as error:
        if isinstance(error, Refused) and error.status in (401, 403):
            raise
        return error
    return None


def _former(accounts: Accounts, name: str) -> Account | None:
    return accounts.load(name).account if name in accounts.names() else None


def pace_of(typed: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,4}|100000", str(typed).strip()):
        raise click.BadParameter("That must be a whole number between 1 and 100000.")
    return int(typed)


def _pace(account: Account) -> str:
    return f"At most {account.requests_per_minute} requests a minute."
