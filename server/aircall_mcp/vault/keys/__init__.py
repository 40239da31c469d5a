"""Where the key of a vault is kept: in the keyring, a file, the environment, or as a passphrase.

A holder keeps one key, two while the key is being changed, and the lines of the anchor. Which one
is used is chosen when the vault is made and written in it; there is no falling back from one to
another, and never to nothing.
"""

from .environment import KEY_VARIABLE, EnvironmentHolder
from .file import KeyFileHolder
from .holder import Ask, Holder, Kind
from .keyring import KeyringHolder
from .passphrase import PassphraseHolder

__all__ = [
    "KEY_VARIABLE",
    "Ask",
    "EnvironmentHolder",
    "Holder",
    "KeyFileHolder",
    "KeyringHolder",
    "Kind",
    "PassphraseHolder",
]
