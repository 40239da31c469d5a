"""The vault of one directory, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import get_args

from ..lock import Lock
from ..modes import Modes
from ..secrets import Secret
from ..store import BUSY_SECONDS, Store
from .holders import (
    EnvironmentHolder,
    Holder,
    KeyFileHolder,
    KeyringHolder,
    Kind,
    PassphraseHolder,
)
from .vault import MIGRATIONS, Vault

HOLDERS: tuple[Kind, ...] = get_args(Kind)
FROM_PASSPHRASE = "AIRCALL_MCP_VAULT_PASSPHRASE"  # noqa: S105 - a name
FROM_NEW_PASSPHRASE = "AIRCALL_MCP_VAULT_NEW_PASSPHRASE"  # noqa: S105 - a name
FROM_KEY_FILE = "AIRCALL_MCP_VAULT_KEY_FILE"

Ask = Callable[[bool], Secret | None]
"""The passphrase, or the new one when asked with True; None where nobody can say."""


def vault_at(
    home: Path,
    environment: Mapping[str, str],
    *,
    patience: float | None = 5.0,
    busy_seconds: float = BUSY_SECONDS,
    ask: Ask | None = None,
    modes: Modes | None = None,
    keyring: Callable[[Path], Holder] | None = None,
) -> Vault:
    """The vault of `home`, opened at the first use.

    `patience` bounds in seconds how long the keyring may take: a server gives it 5, a command None.
    `busy_seconds` is how long another process that writes is waited for.
    `ask` gets a passphrase from a person where the environment has none; `keyring` makes another
    holder for that kind.
    """
    home, modes = home.absolute(), modes or Modes()
    file = environment.get(FROM_KEY_FILE)

    def asked(new: bool) -> Secret | None:
        names = [FROM_NEW_PASSPHRASE] if new else [FROM_PASSPHRASE]
        if new and not (home / "vault.db").exists():
            names.append(FROM_PASSPHRASE)
        given = next((environment[name] for name in names if environment.get(name)), None)
        return Secret(given) if given else ask(new) if ask else None

    def from_keyring() -> Holder:
        return keyring(home) if keyring else KeyringHolder(home, patience=patience)

    def from_file() -> Holder:
        return KeyFileHolder(home, file=Path(file) if file else None, modes=modes)

    holders: dict[str, Callable[[], Holder]] = {
        "keyring": from_keyring,
        "file": from_file,
        "environment": lambda: EnvironmentHolder(home, environment, modes=modes),
        "passphrase": lambda: PassphraseHolder(home, asked, modes=modes),
    }
    store = Store(
        home / "vault.db",
        MIGRATIONS,
        durability="vault",
        modes=modes,
        busy_seconds=busy_seconds,
    )
    return Vault(store, holders, Lock(home / "vault.lock", modes=modes))
