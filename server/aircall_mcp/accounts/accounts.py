"""Accounts by name, and the default account.

They lie on a shelf: the vault, or memory for the one that the environment brings along and for the
sandbox.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from ..errors import CredentialError, quoted
from ..ground.nearest import nearest
from .account import AIRCALL_HOST, ENVIRONMENT, Account, check_name, stored_account
from .environment import credential_from
from .shelf import Memory, Shelf

T = TypeVar("T")

_ACCOUNT, _DEFAULT = "account", "default"


@dataclass(frozen=True, slots=True)
class Held:
    """An account as it stood on its shelf in `generation`."""

    account: Account
    generation: int


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
                    f"There is no account `{quoted(wanted)}`.",
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
            " The sandbox needs none: `aircall-mcp setup --sandbox`, in a program"
            " `Toolkit.sandbox()`.",
        )

    def load(self, name: str | None = None) -> Held:
        """The account of that name, or the one meant by saying nothing."""
        name = self.resolve(name)
        stored = self._shelf_of(name).read(name, _ACCOUNT)
        if stored is None:
            raise CredentialError(
                f"The account `{name}` was removed.", hint="Run `aircall-mcp accounts list`."
            )
        return Held(stored_account(name, stored.value), stored.generation)

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
        self.check_shelved(name)
        self._shelf.remove(name)

    def default(self) -> str | None:
        """The name that is meant by saying nothing, None where that is not clear."""
        try:
            return self.resolve()
        except CredentialError:
            return None

    def make_default(self, name: str) -> None:
        self.check_shelved(name)
        self._shelf.write("", _DEFAULT, name)

    def check_shelved(self, name: str) -> None:
        """Whether the account `name` is one of the shelf, which can be changed there."""
        known = self._shelf.owners(_ACCOUNT)
        if name in known:
            return
        if name == ENVIRONMENT:
            raise CredentialError(
                f"`{ENVIRONMENT}` is the account from the environment variables, not in the vault.",
                hint="Unset AIRCALL_API_ID, AIRCALL_API_TOKEN and AIRCALL_ACCESS_TOKEN to be rid of"
                " it; `--account NAME` chooses another.",
            )
        listed = f"Known: {', '.join(known)}." if known else ""
        raise CredentialError(
            f"There is no account `{quoted(name)}` in the vault.",
            hint=f"{nearest(name, known)} {listed}".strip() or "Run `aircall-mcp accounts add`.",
        )

    def _shelf_of(self, name: str) -> Shelf:
        return self._brought if name == ENVIRONMENT else self._shelf
