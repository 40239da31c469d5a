"""Credentials at rest: an encrypted SQLite file, its key elsewhere, and an anchor against the past.

envelope   a key, and what it does to a record
keys       where a key lives: keyring, key file, environment, passphrase
anchor     the newest state that was ever stored, kept with the key
vault      records in and out, rotation, examination
place      the vault of one directory, put together
"""

from .keys import (
    KEY_VARIABLE,
    EnvironmentHolder,
    Holder,
    KeyFileHolder,
    KeyringHolder,
    Kind,
    PassphraseHolder,
)
from .place import HOLDERS, shared_disk, vault_at
from .vault import Finding, Record, Status, Vault

__all__ = [
    "HOLDERS",
    "KEY_VARIABLE",
    "EnvironmentHolder",
    "Finding",
    "Holder",
    "KeyFileHolder",
    "KeyringHolder",
    "Kind",
    "PassphraseHolder",
    "Record",
    "Status",
    "Vault",
    "shared_disk",
    "vault_at",
]
