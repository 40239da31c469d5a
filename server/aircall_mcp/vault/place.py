"""The vault of one directory, put together."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import get_args

from ..ground.private_files import Modes
from ..storage.lock import Lock
from ..storage.sqlite import BUSY_SECONDS, Database
from .keys import (
    Ask,
    EnvironmentHolder,
    Holder,
    KeyFileHolder,
    KeyringHolder,
    Kind,
    PassphraseHolder,
)
from .records import MIGRATIONS
from .vault import Vault

HOLDERS: tuple[Kind, ...] = get_args(Kind)
FROM_KEY_FILE = "AIRCALL_MCP_VAULT_KEY_FILE"

_MOUNTS = Path("/proc/self/mountinfo")
_SHARED = re.compile(
    r"nfs4?|cifs|smb3|smbfs|9p|afs|ceph|davfs|lustre"
    r"|fuse\.(sshfs|rclone|s3fs|gcsfuse|glusterfs|davfs2?|ceph|google-drive.*|onedriver)"
)
"""File systems that other machines write to as well, by the names that Linux gives them."""


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

    def from_keyring() -> Holder:
        return keyring(home) if keyring else KeyringHolder(home, patience=patience)

    def from_file() -> Holder:
        return KeyFileHolder(home, file=Path(file) if file else None, modes=modes)

    holders: dict[str, Callable[[], Holder]] = {
        "keyring": from_keyring,
        "file": from_file,
        "environment": lambda: EnvironmentHolder(home, environment, modes=modes),
        "passphrase": lambda: PassphraseHolder(home, environment, ask, modes=modes),
    }
    store = Database(
        home / "vault.db",
        MIGRATIONS,
        durability="vault",
        modes=modes,
        busy_seconds=busy_seconds,
    )
    return Vault(store, holders, Lock(home / "vault.lock", modes=modes))


def shared_disk(home: Path, mounts: Path = _MOUNTS) -> str | None:
    """The kind of file system under `home`, if it is one that other machines share: there locks
    and SQLite are not dependable. None for a local one, and wherever that cannot be told cheaply.
    """
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    there, deepest, kind = home.resolve(), 0, ""
    for line in lines:
        where, _, what = line.partition(" - ")
        words = where.split(" ")
        if len(words) < 5:
            continue
        mounted = Path(re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), words[4]))
        # Of two at one place the later one lies on top.
        if there.is_relative_to(mounted) and len(mounted.parts) >= deepest:
            deepest, kind = len(mounted.parts), what.split(" ")[0]
    return kind if _SHARED.fullmatch(kind) else None
