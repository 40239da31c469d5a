"""Credentials on disk: an encrypted SQLite file, its key elsewhere, and an anchor against old
copies.

place      the vault of one directory, put together
vault      records in and out, the change of its key, examination
rotation   one change of the key
verified   what was verified, kept in memory
records    the tables
manifest   what the head vouches for
keys       where a key lives: keyring, key file, environment, passphrase
anchor     the newest state that was ever stored, kept with the key
mailbox    what anybody can seal for the vault
refusals   what it says no with
envelope   a key, and what it does to a record
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
