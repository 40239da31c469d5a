"""A key in a private file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ...errors import CredentialError
from ...ground.private_files import Modes
from ..envelope import KEY_BYTES, Key, Random
from .anchor_file import AnchorFile
from .holder import Kind


class KeyFileHolder(AnchorFile):
    """A private file with the key in base64; a second line is the key it replaces."""

    kind: Kind = "file"

    def __init__(
        self,
        home: Path,
        *,
        file: Path | None = None,
        modes: Modes | None = None,
        random: Random = os.urandom,
    ) -> None:
        super().__init__(home, modes or Modes())
        self._file = file or home / "vault.key"
        self._random = random

    @property
    def where(self) -> str:
        return f"the file {self._file}"

    def keys(self, note: str) -> Sequence[Key]:  # noqa: ARG002 - a file needs no note
        content = self._modes.read(self._file)
        if content is None:
            raise CredentialError(
                f"The vault's key file {self._file} is missing.",
                hint="Put it back; without it nothing in the vault can be read.",
            )
        try:
            keys = [Key.written(line) for line in content.split()]
        except ValueError:
            keys = []
        if not keys:
            raise CredentialError(
                f"The vault's key file {self._file} is damaged: it contains no key.",
                hint="Restore it from a backup; or remove it, if no vault was ever made with it.",
            )
        return keys

    def renew(self, keep: Key | None) -> tuple[Key, str]:
        # For a first key, one that is there: the owner's own, or of a creation that was killed.
        if keep is None and self._modes.read(self._file):
            return self.keys("")[0], ""
        key = Key(self._random(KEY_BYTES))
        self._write([key] if keep is None else [key, keep])
        return key, ""

    def settle(self, key: Key) -> None:
        super().settle(key)
        if list(self.keys("")) != [key]:
            self._write([key])
        self._modes.tidy(self._file)

    def forget(self) -> None:
        self._modes.remove(self._file)
        self._modes.tidy(self._file)

    def _write(self, keys: Sequence[Key]) -> None:
        self._modes.directory(self._home)
        self._modes.replace(self._file, "".join(f"{key.text()}\n" for key in keys).encode())
