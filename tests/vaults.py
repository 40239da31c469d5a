"""Vaults for tests: real files, and keyrings that behave as real ones were seen to."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from aircall_mcp.secrets import Secret
from aircall_mcp.vault import Holder, KeyringHolder, Vault, vault_at

TOKEN = "token-of-a-company-0123456789abcdef"
PHRASE = "correct horse battery staple"


class Keyring:
    """A keyring that keeps what it is given."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str, /) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str, /) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str, /) -> None:
        del self.entries[service, username]


class Forgetful(Keyring):
    """Takes everything and keeps nothing."""

    def set_password(self, service: str, username: str, password: str, /) -> None:
        del service, username, password


class Locked(Keyring):
    """Waits for a person who is not there, until `unlocked`."""

    def __init__(self) -> None:
        super().__init__()
        self.unlocked = threading.Event()

    def get_password(self, service: str, username: str, /) -> str | None:
        self.unlocked.wait()
        return super().get_password(service, username)

    def set_password(self, service: str, username: str, password: str, /) -> None:
        self.unlocked.wait()
        super().set_password(service, username, password)


class Failing(Keyring):
    """Raises what no library of ours knows."""

    def get_password(self, service: str, username: str, /) -> str | None:
        raise ConnectionResetError(f"no bus for {username} of {service}")


def held_by(
    backend: Keyring, *, patience: float | None = 5.0, trust: bool = True
) -> Callable[[Path], Holder]:
    """A keyring holder over `backend`; `trust` puts its class on the list."""
    name = f"{type(backend).__module__}.{type(backend).__qualname__}"

    def make(home: Path) -> Holder:
        if not trust:
            return KeyringHolder(home, find=lambda: backend, patience=patience)
        return KeyringHolder(home, find=lambda: backend, trusted=[name], patience=patience)

    return make


def filled(home: Path, accounts: int = 3) -> Vault:
    """A vault with its key in a file and `accounts` records."""
    vault = vault_at(home, {})
    vault.create("file")
    for number in range(accounts):
        vault.write(f"company-{number}", "account", value(number), expected=0)
    return vault


def value(number: int) -> dict[str, object]:
    return {"number": number, "token": Secret(f"{TOKEN}-{number}")}


def again(home: Path) -> Vault:
    """The same vault as another process would see it."""
    return vault_at(home, {})


def copied(home: Path, to: Path) -> Path:
    shutil.copytree(home, to, copy_function=shutil.copy2)
    to.chmod(0o700)
    return to


def rows(home: Path, sql: str, *values: object) -> list[tuple[object, ...]]:
    """What somebody with the file and no key can do."""
    connection = sqlite3.connect(home / "vault.db")
    try:
        found = connection.execute(sql, values).fetchall()
        connection.commit()
        return found
    finally:
        connection.close()
