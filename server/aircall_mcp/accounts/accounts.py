"""Who we can act for: Aircall companies by name, each with its credential and its habits.

Accounts lie on a shelf: the vault, or memory for the one that the environment brings along and for
the sandbox. What comes from a shelf or a variable is checked before it is used.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol, TypeAlias, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from ..errors import ArgumentError, CredentialError
from ..ground.config import AIRCALL, Zone
from ..ground.nearest import nearest
from ..ground.secrets import Secret

T = TypeVar("T")

ENVIRONMENT = "env"
"""The name of the account that comes from the environment."""
AIRCALL_HOST = urlsplit(AIRCALL).hostname or ""
TOKEN_URL = f"{AIRCALL}/v1/oauth/token"

_ACCOUNT, _DEFAULT = "account", "default"
_NAME = r"^[a-z0-9][a-z0-9_-]{0,39}$"


_STORED = {"stored": True}
"""The context in which what comes from a shelf is checked."""


def _kept(value: Any, check: ValidatorFunctionWrapHandler, about: ValidationInfo) -> Any:
    """A zone that a person chooses must be known here; one that was stored was known somewhere, and
    its account must not be lost where the system knows fewer zones, or none.
    """
    return value if about.context == _STORED and isinstance(value, str) else check(value)


class _Checked(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True
    )


class ApiKey(_Checked):
    """A key of the dashboard: never expires, speaks for the whole company."""

    kind: Literal["api_key"] = "api_key"
    api_id: Secret
    api_token: Secret


class Grant(_Checked):
    """What OAuth granted. Times are UNIX seconds; `expires_at` None means never.

    A grant that expires is renewed with `refresh_token`, at `token_url`, by the client named here.
    """

    kind: Literal["grant"] = "grant"
    access_token: Secret
    refresh_token: Secret | None = None
    issued_at: float = 0.0
    expires_at: float | None = None
    token_url: str = TOKEN_URL
    client_id: Secret | None = None
    client_secret: Secret | None = None

    @property
    def renewable(self) -> bool:
        return self.refresh_token is not None


Credential: TypeAlias = ApiKey | Grant
State: TypeAlias = Literal["ready", "renewing", "reauth_required"]


class Account(_Checked):
    """An Aircall company. Its credential only ever goes to `host`.

    `requests_per_minute` is the whole company's. `state` says whether a renewal of its grant has
    begun, or was refused so that a person has to log in again. `time_zone` may be unknown here if
    the account was stored elsewhere.
    """

    name: Annotated[str, Field(pattern=_NAME)]
    host: str = AIRCALL_HOST
    credential: Annotated[Credential, Field(discriminator="kind")]
    requests_per_minute: int = Field(default=60, ge=1, le=100_000)
    time_zone: Annotated[Zone | None, WrapValidator(_kept)] = None
    default_user: int | None = Field(default=None, gt=0)
    default_number: int | None = Field(default=None, gt=0)
    state: State = "ready"


@dataclass(frozen=True, slots=True)
class Held:
    """An account as it stood on its shelf in `generation`."""

    account: Account
    generation: int


class Stored(Protocol):
    """A record of a shelf."""

    @property
    def generation(self) -> int: ...
    @property
    def value(self) -> Any: ...


class Shelf(Protocol):
    """Where accounts lie: the vault, or `Memory`."""

    @property
    def exists(self) -> bool: ...
    def stamp(self) -> object: ...
    def owners(self, field: str) -> tuple[str, ...]: ...
    def read(self, owner: str, field: str) -> Stored | None: ...
    def write(
        self, owner: str, field: str, value: Any, *, expected: int | None = None
    ) -> int | None: ...
    def remove(self, owner: str) -> bool: ...
    def aside(self, work: Callable[[], T]) -> Awaitable[T]: ...


@dataclass(frozen=True, slots=True)
class _Kept:
    generation: int
    value: Any


class Memory:
    """A shelf that is gone with the process."""

    exists = True

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._epoch = 0

    def stamp(self) -> object:
        return self._epoch

    def owners(self, field: str) -> tuple[str, ...]:
        return tuple(sorted(owner for owner, where in self._kept if where == field))

    def read(self, owner: str, field: str) -> Stored | None:
        return self._kept.get((owner, field))

    def write(
        self, owner: str, field: str, value: Any, *, expected: int | None = None
    ) -> int | None:
        there = self._kept.get((owner, field))
        if expected is not None and (there.generation if there else 0) != expected:
            return None
        self._epoch += 1
        self._kept[owner, field] = _Kept(self._epoch, value)
        return self._epoch

    def remove(self, owner: str) -> bool:
        theirs = [place for place in self._kept if place[0] == owner]
        for place in theirs:
            del self._kept[place]
        self._epoch += 1
        return bool(theirs)

    async def aside(self, work: Callable[[], T]) -> T:
        return work()


class Accounts:
    """The accounts of a shelf and the one of the environment.

    `host` is where the environment's account may go, `chosen` the name that `--account` gave.
    The plain methods may wait for a disk or a keyring; `aside` runs them where that is no harm.
    All raise `CredentialError`, and what the shelf raises.
    """

    def __init__(
        self,
        shelf: Shelf,
        environment: Mapping[str, str] | None = None,
        *,
        host: str = AIRCALL_HOST,
        requests_per_minute: int = 60,
        time_zone: str | None = None,
        chosen: str | None = None,
    ) -> None:
        self._shelf = shelf
        self._chosen = chosen
        self._brought = Memory()
        self._misfit: CredentialError | None = None
        try:
            credential = credential_from(environment or {})
        except CredentialError as error:
            # A server starts all the same, and each call says what a person has to mend.
            credential, self._misfit = None, error
        if credential is not None:
            account = Account(
                name=ENVIRONMENT,
                host=host,
                credential=credential,
                requests_per_minute=requests_per_minute,
                time_zone=time_zone,
            )
            self._brought.write(ENVIRONMENT, _ACCOUNT, account.model_dump())

    def stamp(self) -> object:
        """Changes when an account may have changed, in whatever process. Takes microseconds."""
        return self._shelf.stamp(), self._brought.stamp()

    def aside(self, work: Callable[[], T]) -> Awaitable[T]:
        return self._shelf.aside(work)

    def persistent(self, name: str) -> bool:
        """Whether other processes see this account too."""
        return not isinstance(self._shelf_of(name), Memory)

    def names(self) -> tuple[str, ...]:
        """All names, the environment's first. Needs no key."""
        return self._brought.owners(_ACCOUNT) + self._shelf.owners(_ACCOUNT)

    def resolve(self, name: str | None = None) -> str:
        """The account that is meant by `name`, or by saying nothing.

        Nothing means: the chosen one, else the environment's, else the default, else the only one.
        """
        if self._misfit is not None:
            raise self._misfit
        names = self.names()
        wanted = name or self._chosen
        if wanted is not None:
            if wanted not in names:
                known = f" Known: {', '.join(names)}." if names else ""
                raise CredentialError(
                    f"There is no account `{wanted[:60]}`.",
                    hint=f"{nearest(wanted, names)}{known}".strip()
                    or "Run `aircall-mcp accounts add`.",
                )
            return wanted
        if ENVIRONMENT in names:
            return ENVIRONMENT
        default = self._shelf.read("", _DEFAULT)
        if default is not None and default.value in names:
            return default.value
        if len(names) == 1:
            return names[0]
        if names:
            raise CredentialError(
                f"There are several accounts and none is the default: {', '.join(names)}.",
                hint="Name one, or run `aircall-mcp accounts default NAME`.",
            )
        raise CredentialError(
            "No Aircall account is set up here.",
            hint="Run `aircall-mcp accounts add`, or set AIRCALL_API_ID and AIRCALL_API_TOKEN."
            " With --sandbox none is needed.",
        )

    def load(self, name: str | None = None) -> Held:
        """The account of that name, or the one meant by saying nothing."""
        name = self.resolve(name)
        stored = self._shelf_of(name).read(name, _ACCOUNT)
        if stored is None:
            raise CredentialError(
                f"The account `{name}` was removed.", hint="Run `aircall-mcp accounts list`."
            )
        return Held(_account(name, stored.value), stored.generation)

    def add(self, account: Account, *, replace: bool = False) -> None:
        """Put a new account on the shelf; the first one becomes the default."""
        check_name(account.name)
        first = not self._shelf.owners(_ACCOUNT)
        expected = None if replace else 0
        if (
            self._shelf.write(account.name, _ACCOUNT, account.model_dump(), expected=expected)
            is None
        ):
            raise CredentialError(
                f"There is an account `{account.name}` already.",
                hint=f"Remove it first (`aircall-mcp accounts remove {account.name}`),"
                " or choose another name.",
            )
        if first:
            self._shelf.write("", _DEFAULT, account.name)

    def store(self, account: Account, expected: int) -> Held | None:
        """Put `account` in the place of its generation `expected`; None if that is gone."""
        shelf = self._shelf_of(account.name)
        generation = shelf.write(account.name, _ACCOUNT, account.model_dump(), expected=expected)
        return None if generation is None else Held(account, generation)

    def remove(self, name: str) -> None:
        self._check_shelved(name)
        self._shelf.remove(name)

    def default(self) -> str | None:
        """The name that is meant by saying nothing, None where that is not clear."""
        try:
            return self.resolve()
        except CredentialError:
            return None

    def make_default(self, name: str) -> None:
        self._check_shelved(name)
        self._shelf.write("", _DEFAULT, name)

    def _check_shelved(self, name: str) -> None:
        if name not in self._shelf.owners(_ACCOUNT):
            raise CredentialError(
                f"There is no account `{name[:60]}` in the vault.",
                hint="Run `aircall-mcp accounts list`.",
            )

    def _shelf_of(self, name: str) -> Shelf:
        return self._brought if name == ENVIRONMENT else self._shelf


def check_name(name: str) -> None:
    """Whether an account of the shelf can have this name. Raises `ArgumentError` for what is none,
    and `CredentialError` for the environment's.
    """
    if name == ENVIRONMENT:
        raise CredentialError(
            f"`{ENVIRONMENT}` is the environment's own account.", hint="Choose another name."
        )
    if not re.fullmatch(_NAME, name):
        raise ArgumentError(
            f"`{name[:60]}` is no name of an account.",
            hint="Small letters, digits, - and _, at most 40 of them.",
        )


def account_from(**fields: Any) -> Account:
    """An account of what a person typed. Raises `ArgumentError` naming the field and the rule."""
    try:
        return Account(**fields)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the account"
        raise ArgumentError(f"{where}: {first['msg']}.") from None


def credential_from(environment: Mapping[str, str]) -> Credential | None:
    """The credential that the environment brings. Raises `CredentialError` for half of one."""
    api_id, api_token, access_token = (
        copied(name, environment.get(name, ""))
        for name in ("AIRCALL_API_ID", "AIRCALL_API_TOKEN", "AIRCALL_ACCESS_TOKEN")
    )
    if access_token and (api_id or api_token):
        raise CredentialError(
            "Both an API key and an access token are set in the environment.",
            hint="Set AIRCALL_API_ID and AIRCALL_API_TOKEN, or AIRCALL_ACCESS_TOKEN alone.",
        )
    if access_token:
        return Grant(access_token=access_token)
    if bool(api_id) != bool(api_token):
        missing = "AIRCALL_API_TOKEN" if api_id else "AIRCALL_API_ID"
        raise CredentialError(f"{missing} is not set.", hint="An API key has an id and a token.")
    return ApiKey(api_id=api_id, api_token=api_token) if api_id else None


def copied(name: str, text: str) -> Secret:
    """A secret as a person copied it, without blanks around it. Raises `CredentialError` where
    no header could carry it.
    """
    text = text.strip()
    if not all("!" <= character <= "~" for character in text):
        raise CredentialError(
            f"{name} holds a character that no key has.", hint="Copy it once more."
        )
    return Secret(text)


def _account(name: str, value: Any) -> Account:
    try:
        account = Account.model_validate(value, context=_STORED)
    except ValidationError:
        account = None
    if account is None or account.name != name:
        raise CredentialError(
            f"The record of the account `{name}` was written by another version.",
            hint="Update aircall-mcp, or remove the account and add it again.",
        )
    return account
