"""Vaults for tests: real files, and keyrings that behave as real ones were seen to."""

from __future__ import annotations

import base64
import shutil
import socket
import sqlite3
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from aircall_mcp.ground.secrets import Secret
from aircall_mcp.vault import Holder, KeyringHolder, Vault, place

from .canaries import CANARIES
from .connections import lending

TOKEN = CANARIES["access token"]
PHRASE = CANARIES["passphrase"]
ONE, TWO = CANARIES["vault key"], base64.b64encode(bytes([2]) * 32).decode()
"""Two keys of a vault, written in base64."""
WORKS: dict[str, Callable[[Vault], object]] = {
    "read": lambda vault: vault.read("company", "account"),
    "write": lambda vault: vault.write("company", "account", {}),
    "remove": lambda vault: vault.remove("company"),
    "rotate": Vault.rotate,
    "accept": Vault.accept,
}
"""What is done with a vault that needs its key."""


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
    """Raises `error` whenever it is asked for anything."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def get_password(self, service: str, username: str, /) -> str | None:
        del service, username
        raise self._error


class Bus:
    """A session bus (D-Bus) with everything behind it: methods, and properties as `Kind.Property`,
    each with the signature and the values of its answer. It remembers what it was `asked`, and
    what was `given` with it last; who asks to unlock the collection finds a person there who does.
    """

    def __init__(self, path: Path, answers: Mapping[str, tuple[str, tuple[Any, ...]]]) -> None:
        self.address = f"unix:path={path}"
        self.asked: list[str] = []
        self.given: dict[str, tuple[Any, ...]] = {}
        self._answers = {"Hello": ("s", (":1.1",)), "AddMatch": ("", ()), **answers}
        # Before anybody connects: who does waits a second for the first word, and no longer.
        self._jeepney: Any = import_module("jeepney")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._open, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _open(self) -> None:
        with suppress(OSError):
            while True:
                peer = self._listener.accept()[0]
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        jeepney = self._jeepney
        parser = jeepney.Parser()
        with suppress(OSError), peer, peer.makefile("rb") as said:
            said.readline()  # who is there
            peer.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
            said.readline()  # begin
            while heard := said.read1(4096):
                parser.add_data(heard)
                while (call := parser.get_next_message()) is not None:
                    name = call.header.fields[jeepney.HeaderFields.member]
                    if name == "Get":
                        name = f"{call.body[0].rpartition('.')[2]}.{call.body[1]}"
                    self.asked.append(name)
                    self.given[name] = call.body
                    if name == "Unlock":
                        self._answers["Collection.Locked"] = "v", (("b", False),)
                    if name in self._answers:
                        answer = jeepney.new_method_return(call, *self._answers[name])
                    else:
                        answer = jeepney.new_error(call, "org.freedesktop.DBus.Error.UnknownObject")
                    peer.sendall(answer.serialise(serial=len(self.asked)))


def held_by(
    backend: Keyring | None, *, trust: bool = True, **more: Any
) -> Callable[[Path], Holder]:
    """A keyring holder over `backend`; `trust` puts its class on the list."""
    if trust:
        more["trusted"] = [f"{type(backend).__module__}.{type(backend).__qualname__}"]
    return lambda home: KeyringHolder(home, find=lambda: backend, **more)


vault_at = lending(place.vault_at)
"""The vault of a home, closed when the test is over."""


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
