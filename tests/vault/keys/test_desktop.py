from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from keyring.backends import SecretService, kwallet

from aircall_mcp.errors import CredentialError
from aircall_mcp.vault import KeyringHolder
from aircall_mcp.vault.keys.desktop import TRUSTED_BACKENDS

from ...vaults import Bus, Keyring, held_by, vault_at

YES, NO = ("v", (("b", True),)), ("v", (("b", False),))
COLLECTION: dict[str, Any] = {
    "Collection.Label": ("v", (("s", "Login"),)),
    "SearchItems": ("ao", (["/item"],)),
    "Item.Label": ("v", (("s", "ours"),)),
}


def test_a_plaintext_keyring_is_not_even_looked_at() -> None:
    assert all(name.startswith("keyring.backends.") for name in TRUSTED_BACKENDS)
    for word in ("null", "fail", "chainer", "plaintext", "file"):
        assert word not in " ".join(TRUSTED_BACKENDS).lower()


def test_a_configured_backend_is_not_used(home: Path) -> None:
    """`PYTHON_KEYRING_BACKEND` may name any class, a plaintext one for example."""
    (home.parent / "plain.py").write_text(
        "from keyring.backend import KeyringBackend\n"
        "class Keyring(KeyringBackend):\n"
        "    priority = 99\n"
        "    def get_password(*_): return None\n"
        "    set_password = delete_password = get_password\n"
    )
    code = (
        "import keyring; from aircall_mcp.vault.keys.desktop import system_backend;"
        "print(type(keyring.get_keyring()).__module__, type(system_backend()).__module__)"
    )
    environment = os.environ | {
        "PYTHON_KEYRING_BACKEND": "plain.Keyring",
        "PYTHONPATH": os.pathsep.join([str(home.parent), *sys.path]),
        "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    configured, used = done.stdout.split()
    assert configured == "plain"
    assert used != "plain"


@pytest.mark.skipif(sys.platform != "linux", reason="needs the libraries of a Linux desktop")
@pytest.mark.parametrize(
    ("backend", "answers"),
    [
        (SecretService.Keyring, COLLECTION | {"Collection.Locked": YES}),
        (SecretService.Keyring, COLLECTION | {"Collection.Locked": NO, "Item.Locked": YES}),
        (SecretService.Keyring, {}),
        (kwallet.DBusKeyring, {"networkWallet": ("s", ("mine",)), "isOpen": ("b", (False,))}),
    ],
)
def test_a_server_never_makes_the_desktop_ask(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    backend: Callable[[], Any],
    answers: dict[str, Any],
) -> None:
    vault_at(home, {}, keyring=held_by(Keyring())).create("keyring")
    with desktop(answers) as bus:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus.address)
        server = vault_at(home, {}, keyring=lambda h: KeyringHolder(h, find=backend))
        with pytest.raises(CredentialError, match="keyring is locked") as caught:
            server.read("company", "account")
    assert "Unlock it" in caught.value.hint
    assert set(bus.asked) <= {*answers, "Hello", "AddMatch", "Collection.Label"}


@pytest.mark.skipif(sys.platform != "linux", reason="needs the libraries of a Linux desktop")
def test_a_command_waits_for_the_person_who_is_asked(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault_at(home, {}, keyring=held_by(Keyring())).create("keyring")
    answers: dict[str, Any] = {"SearchItems": ("ao", ([],)), "Collection.Locked": YES}
    with desktop(COLLECTION | answers | {"Unlock": ("aoo", (["/login"], "/"))}) as bus:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus.address)
        command = vault_at(
            home,
            {},
            keyring=lambda h: KeyringHolder(h, find=SecretService.Keyring, patience=None),
        )
        with pytest.raises(CredentialError, match="has no key for this vault"):
            command.read("company", "account")
    assert bus.asked.count("Unlock") == 1


@contextlib.contextmanager
def desktop(answers: dict[str, Any]) -> Generator[Bus]:
    """In a directory of its own: the address of a socket may not be long."""
    with (
        tempfile.TemporaryDirectory() as directory,
        contextlib.closing(Bus(Path(directory) / "bus", answers)) as bus,
    ):
        yield bus
