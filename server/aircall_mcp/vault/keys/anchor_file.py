"""The anchor as a file in the vault's directory, for holders that cannot write themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...ground.private_files import Modes
from ..envelope import Key


class AnchorFile:
    """`vault.anchor` in `home`, and what a holder does that has nothing else to keep."""

    def __init__(self, home: Path, modes: Modes) -> None:
        self._home = home
        self._modes = modes
        self._anchor = home / "vault.anchor"

    def anchors(self) -> Sequence[str]:
        content = self._modes.read(self._anchor)
        return () if content is None else content.decode("utf-8", "replace").splitlines()

    def anchor(self, lines: Sequence[str]) -> None:
        if lines:
            self._modes.directory(self._home)
            self._modes.replace(self._anchor, "".join(f"{line}\n" for line in lines).encode())
        else:
            self._modes.remove(self._anchor)

    def ready(self, *, first: bool) -> None:
        """Nobody is asked."""

    def settle(self, key: Key) -> None:  # noqa: ARG002 - nothing of the key is held here
        self._modes.tidy(self._anchor)

    def forget(self) -> None:
        """Nothing of the key is held here."""
