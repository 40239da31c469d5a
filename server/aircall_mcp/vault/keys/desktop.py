"""The keyrings of desktops: which are trusted, and whether one would ask a person now."""

from __future__ import annotations

from contextlib import closing
from importlib import import_module
from typing import Any, Protocol


class Backend(Protocol):
    """What we use of a backend of the `keyring` library."""

    def get_password(self, service: str, username: str, /) -> str | None: ...
    def set_password(self, service: str, username: str, password: str, /) -> None: ...
    def delete_password(self, service: str, username: str, /) -> None: ...


TRUSTED_BACKENDS = (
    "keyring.backends.macOS.Keyring",
    "keyring.backends.Windows.WinVaultKeyring",
    "keyring.backends.SecretService.Keyring",
    "keyring.backends.libsecret.Keyring",
    "keyring.backends.kwallet.DBusKeyring",
)
"""Those that encrypt, by class. Others write clear text, forget, or are somebody else's code."""


def system_backend() -> Backend | None:
    """The first trusted backend that works here, by its class and not by any configuration."""
    for name in TRUSTED_BACKENDS:
        module, _, cls = name.rpartition(".")
        try:
            backend = getattr(import_module(module), cls)
            if backend.priority > 0:
                return backend()
        except Exception:  # noqa: S112 - each says in its own way that it is not for here
            continue
    return None


def failure(error: Exception) -> str:
    """What an error of the `keyring` library means, in a sentence without the error's own text."""
    from keyring.errors import InitError, KeyringLocked

    if isinstance(error, KeyringLocked | InitError):
        return "The keyring does not open; it may be locked."
    return f"The keyring failed ({type(error).__name__})."


def would_ask(backend: Backend, user: str) -> bool:
    """Whether the backend would make the desktop ask a person now, found out without asking.

    Windows never asks. macOS asks and does not say so before, and KWallet may ask whether a
    program is welcome in a wallet that is open: there the patience of the holder has to do.
    """
    match type(backend).__module__:
        case "keyring.backends.SecretService" | "keyring.backends.libsecret":
            return _is_locked(getattr(backend, "preferred_collection", None), user)
        case "keyring.backends.kwallet":
            return _is_shut(backend)
        case _:
            return False


def _is_locked(collection: str | None, user: str) -> bool:
    """Of the Secret Service. A collection that is missing counts: its making is asked for."""
    import secretstorage
    from secretstorage.collection import DEFAULT_COLLECTION

    with closing(secretstorage.dbus_init()) as bus:
        try:
            there = secretstorage.Collection(bus, collection or DEFAULT_COLLECTION)
            ours = there.search_items({"username": user})
            return there.is_locked() or any(item.is_locked() for item in ours)
        except secretstorage.ItemNotFoundException:
            return True


def _is_shut(wallets: Any) -> bool:
    """Of KWallet. `isOpen` also takes a handle, so the bus must hear which one is meant."""
    jeepney: Any = import_module("jeepney")
    blocking: Any = import_module("jeepney.io.blocking")
    there = jeepney.DBusAddress(wallets.object_path, wallets.bus_name, "org.kde.KWallet")
    with closing(blocking.open_dbus_connection()) as bus:

        def ask(method: str, *words: str) -> Any:
            call = jeepney.new_method_call(there, method, "s" * len(words), words)
            return jeepney.wrappers.unwrap_msg(bus.send_and_get_reply(call))[0]

        return not ask("isOpen", ask("networkWallet"))
