"""An account: an Aircall company that the server can act for, its credential and its settings.

What comes from a shelf or from a person is checked before it is used.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeAlias
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

from ..errors import ArgumentError, CredentialError, quoted
from ..ground.config import AIRCALL, Zone, fault_of
from ..ground.secrets import Secret

ENVIRONMENT = "env"
"""The name of the account that comes from the environment."""
AIRCALL_HOST = urlsplit(AIRCALL).hostname or ""
TOKEN_URL = f"{AIRCALL}/v1/oauth/token"

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
CredentialState: TypeAlias = Literal["ready", "renewing", "reauth_required"]


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
    state: CredentialState = "ready"


def check_name(name: str) -> None:
    """Whether an account of the shelf can have this name. Raises `ArgumentError` for what is none,
    and `CredentialError` for the environment's.
    """
    if name == ENVIRONMENT:
        raise CredentialError(
            f"`{ENVIRONMENT}` is the account from the environment variables.",
            hint="Choose another name.",
        )
    if not re.fullmatch(_NAME, name):
        raise ArgumentError(
            f"`{quoted(name)}` is not a valid account name.",
            hint="Use lower-case letters, digits, - and _, at most 40 characters.",
        )


def account_from(**fields: Any) -> Account:
    """An account of what a person typed. Raises `ArgumentError` naming the field and the rule."""
    try:
        return Account(**fields)
    except ValidationError as error:
        field, words, hint = fault_of(error)
        raise ArgumentError(f"{field or 'the account'} {words}.", hint=hint) from None


def stored_account(name: str, value: Any) -> Account:
    """The account of that name, as a shelf gives it. Raises `CredentialError` for anything else."""
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
