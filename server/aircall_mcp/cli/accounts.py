"""`aircall-mcp accounts`: credentials into the vault, and out of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
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
from ..app import ping, ping_as
from ..errors import CredentialError, Refused, ToolError
from ..ground.config import Settings, settings_from
from ..ground.secrets import Secret
from .options import as_json, print_json, scrubbed
from .vault import KINDS, create_if_missing, vault_of

if TYPE_CHECKING:
    from ..vault import Kind, Vault

Ping = Callable[[Account], Awaitable[None]]
"""Ask Aircall whether it knows the credential; raises what Aircall or the way there says."""

PERSONAL = (
    "An account opens recordings, texts and transcripts of real people to the model you connect:"
    " their words are personal data, so connect only a model that you may show them to."
)


@dataclass(frozen=True, slots=True)
class Drawer:
    """What the commands work on: plain objects, put together from the settings."""

    settings: Settings
    environment: Mapping[str, str]
    vault: Vault
    accounts: Accounts
    ping: Ping

    @classmethod
    def open(cls) -> Drawer:
        settings, environment = settings_from(), os.environ
        vault = vault_of(settings, environment)
        accounts = Accounts(vault, environment, host=_host(settings), chosen=settings.account)
        return cls(settings, environment, vault, accounts, lambda account: ping(settings, account))


@click.group("accounts")
def group() -> None:
    """The Aircall companies this server can act for."""


command = group


@group.command()
@click.argument("name", default="main")
@click.option("--from-environment", is_flag=True, help="Take AIRCALL_API_ID and AIRCALL_API_TOKEN.")
@click.option("--requests-per-minute", type=int, help="What Aircall allows the whole company.")
@click.option("--time-zone", metavar="ZONE", help="For times without an offset: Europe/Paris.")
@click.option("--user", type=int, metavar="ID", help="The user that calls are made for.")
@click.option("--number", type=int, metavar="ID", help="The number that calls are made from.")
@click.option("--key", "kind", type=click.Choice(KINDS), help="Keeper of a new vault's key.")
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

    Id and token are asked for, hidden; without a terminal they are read from stdin, one a line.
    """
    drawer = Drawer.open()
    check_name(name)
    if name in drawer.accounts.names():
        raise CredentialError(
            f"There is an account `{name}` already.",
            hint=f"Remove it first (`aircall-mcp accounts remove {name}`), or choose another name.",
        )
    say(PERSONAL)
    create_if_missing(drawer.vault, kind, drawer.environment, say)
    key = api_key(drawer.environment if from_environment else None)
    habits = asked_habits(requests_per_minute, time_zone)
    account = account_from(
        name=name,
        host=_host(drawer.settings),
        credential=key,
        default_user=user,
        default_number=number,
        **habits,
    )
    anyio.run(drawer.ping, account)
    put(drawer, account)
    say(f"Added `{name}`: Aircall knows the key. {_pace(account)}")


@group.command()
@click.argument("name", default="main")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The registered port.")
@click.option("--paste", is_flag=True, help="Paste the answer instead of being called back.")
@click.option("--redirect-uri", metavar="URL", help="The registered address, with --paste.")
@click.option("--no-browser", is_flag=True, help="Print the address instead of opening it.")
@click.option("--authorize-url", default=AUTHORIZE_URL, show_default=True)
@click.option("--token-url", default=TOKEN_URL, show_default=True)
@click.option("--key", "kind", type=click.Choice(KINDS), help="Keeper of a new vault's key.")
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

    if paste and not redirect_uri:
        raise click.UsageError("--paste needs --redirect-uri, as Aircall has registered it.")
    drawer = Drawer.open()
    check_name(name)
    former = _former(drawer.accounts, name)
    if former is not None and isinstance(former.credential, ApiKey):
        _confirm_replacement(name)
    say(PERSONAL)
    create_if_missing(drawer.vault, kind, drawer.environment, say)
    client = OAuthClient(*_client(former, drawer.environment, token_url), authorize_url, token_url)

    async def show(url: str) -> None:
        # Whatever opens it says little: that a browser was found, or that one has ended.
        say(f"Allow the access in your browser, at this address:\n\n  {url}\n")
        if not no_browser:
            await anyio.to_thread.run_sync(home.open_browser, url)

    async def ask() -> str:
        return click.prompt("Paste the address you came back to, or the code", hide_input=True)

    http = clients_of(drawer.settings)

    async def bring() -> Grant:
        if redirect_uri:
            return await home.by_hand(client, show, ask, redirect_uri=redirect_uri, http=http)
        return await home.through_browser(client, show, port=port, http=http)

    grant = anyio.run(bring)
    if former is None:
        account = account_from(name=name, host=_host(drawer.settings), credential=grant)
    else:
        account = former.model_copy(update={"credential": grant, "state": "ready"})
    doubt = _doubt(drawer, account)
    put(drawer, account, replace=former is not None)
    ends = "never expires" if grant.expires_at is None else "is renewed by itself"
    known = "Aircall knows the grant, which" if doubt is None else "the grant"
    say(f"Logged `{name}` in: {known} {ends}. {_pace(account)}")
    if doubt is not None:
        say(
            f"Whether Aircall knows the grant could not be asked: {doubt.message}"
            f" Ask later: `aircall-mcp accounts test {name}`."
        )


@group.command("list")
@as_json
def list_(as_json: bool) -> None:
    """Every account: never more of a credential than its last four characters."""
    drawer = Drawer.open()
    rows = listed(drawer.accounts)
    if as_json:
        print_json({"accounts": rows})
        return
    if not rows:
        say("No account yet. Run `aircall-mcp accounts add`.")
    for row in rows:
        mark = "*" if row["default"] else " "
        click.echo(f"{mark} {row['name']:<20} {row['credential']:<28} {row['state']}")


@group.command()
@click.argument("name", required=False)
def test(name: str | None) -> None:
    """Ask Aircall whether it still knows the credential of NAME."""
    drawer = Drawer.open()
    name = drawer.accounts.resolve(name)

    anyio.run(ping_as, drawer.settings, drawer.accounts, name)
    say(f"Aircall knows `{name}`.")


@group.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(name: str, yes: bool) -> None:
    """Take NAME out of the vault. At Aircall its key or grant goes on working."""
    drawer = Drawer.open()
    if not yes:
        click.confirm(f"Remove `{name}` and its credential from the vault?", abort=True, err=True)
    drawer.accounts.remove(name)
    say(f"Removed `{name}`. Delete its key in the Aircall dashboard too, if nobody needs it.")


@group.command()
@click.argument("name")
def default(name: str) -> None:
    """Act for NAME where nobody says otherwise."""
    Drawer.open().accounts.make_default(name)
    say(f"`{name}` is the default account.")


def put(drawer: Drawer, account: Account, *, replace: bool = False) -> None:
    """Store `account`; nobody renews it meanwhile."""
    from ..storage.lock import latches

    with latches(drawer.settings.home)(account.name).held():
        drawer.accounts.add(account, replace=replace)


def listed(accounts: Accounts) -> list[dict[str, Any]]:
    """What `accounts list` says of each account."""
    default, rows = accounts.default(), list[dict[str, Any]]()
    for name in accounts.names():
        row: dict[str, Any] = {"name": name, "default": name == default}
        try:
            account = accounts.load(name).account
        except ToolError as error:
            rows.append(row | {"credential": "unreadable", "state": scrubbed(error.message)})
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
    elif sys.stdin.isatty():
        api_id, api_token = _asked("API id"), _asked("API token")
    else:
        api_id, api_token = (_given(name, sys.stdin.readline) for name in ("API id", "API token"))
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
            requests_per_minute = click.prompt(
                "Requests a minute for the whole company (60; Aircall's newer docs say 120)",
                type=int,
                default=60,
                err=True,
            )
        if time_zone is None:
            time_zone = click.prompt(
                "Time zone for times without an offset (such as Europe/Paris; empty: none)",
                default="",
                show_default=False,
                err=True,
            )
    return {"requests_per_minute": requests_per_minute or 60, "time_zone": time_zone or None}


def say(text: str) -> None:
    click.echo(text, err=True)


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
    return _asked("Client id"), _asked("OAuthClient secret")


def _asked(name: str) -> Secret:
    return _given(name, lambda: str(click.prompt(name, hide_input=True, err=True)))


def _given(name: str, read: Callable[[], str]) -> Secret:
    try:
        text = read()
    except UnicodeDecodeError:
        raise CredentialError("What was given is no text.", hint="Copy it once more.") from None
    return copied(f"The {name}", text)


def _confirm_replacement(name: str) -> None:
    """A login may not cost a person a key that Aircall shows only once."""
    if not sys.stdin.isatty():
        raise CredentialError(
            f"`{name}` is an account with an API key, which a login would replace.",
            hint="Log in under another name (`aircall-mcp accounts login NAME`), or remove the key"
            f" first (`aircall-mcp accounts remove {name}`).",
        )
    click.confirm(f"`{name}` is an account with an API key. Replace the key?", abort=True, err=True)


def _doubt(drawer: Drawer, account: Account) -> ToolError | None:
    """Why Aircall could not be asked whether it knows a grant: its code is spent, so that only a
    refusal may lose it. A 403 is one, since a ping needs no add-on. Raises `Refused` for it.
    """
    try:
        anyio.run(drawer.ping, account)
    except ToolError as error:
        if isinstance(error, Refused) and error.status in (401, 403):
            raise
        return error
    return None


def _former(accounts: Accounts, name: str) -> Account | None:
    return accounts.load(name).account if name in accounts.names() else None


def _host(settings: Settings) -> str:
    from urllib.parse import urlsplit

    return urlsplit(settings.base_url).hostname or ""


def _pace(account: Account) -> str:
    return f"At most {account.requests_per_minute} requests a minute."
