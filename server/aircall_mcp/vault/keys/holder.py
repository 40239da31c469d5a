"""What every holder of a key does, wherever it keeps it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from ...ground.secrets import Secret
from ..envelope import Key

Kind = Literal["keyring", "file", "environment", "passphrase"]

Ask = Callable[[bool], Secret | None]
"""A person's passphrase, or the new one when asked with True; None where nobody can say."""


class Holder(Protocol):
    """Holds the key. Every method raises `CredentialError` with what a person can do about it."""

    kind: Kind

    @property
    def where(self) -> str:
        """Where the key is, in words for a person."""
        ...

    def keys(self, note: str) -> Sequence[Key]:
        """The keys there are. `note` is what `renew` gave for the key in use."""
        ...

    def ready(self, *, first: bool) -> None:
        """Have whatever a person must give for `renew`, so that it asks nobody: it is called while
        others wait. `first` says that the vault is only being made.
        """
        ...

    def renew(self, keep: Key | None) -> tuple[Key, str]:
        """Another key, held from now on beside `keep`, and the note to find it by."""
        ...

    def settle(self, key: Key) -> None:
        """Let go of every key but `key`, and of what a process left that was killed."""
        ...

    def anchors(self) -> Sequence[str]:
        """The lines that are kept, none at first."""
        ...

    def anchor(self, lines: Sequence[str]) -> None:
        """Keep these lines instead of those there are."""
        ...

    def forget(self) -> None:
        """Let go of every key: the vault has moved to another holder."""
        ...
