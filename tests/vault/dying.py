"""A process that is killed before one of its changes of the outside world."""

from __future__ import annotations

from pathlib import Path

from aircall_mcp.ground.private_files import Modes

from ..vaults import Keyring


class Killed(BaseException):
    """The process is gone: nobody catches this on the way."""


class Dying:
    def __init__(self, step: int) -> None:
        self.left = step

    def __call__(self) -> None:
        if self.left == 0:
            raise Killed
        self.left -= 1


class DyingModes(Modes):
    """Dies before or after a file is replaced."""

    def __init__(self, steps: Dying) -> None:
        super().__init__()
        self._steps = steps

    def replace(self, path: Path, content: bytes) -> None:
        self._steps()
        super().replace(path, content)
        self._steps()


class DyingKeyring(Keyring):
    def __init__(self, real: Keyring, steps: Dying) -> None:
        self.entries = real.entries
        self._steps = steps

    def set_password(self, service: str, username: str, password: str, /) -> None:
        self._steps()
        super().set_password(service, username, password)
        self._steps()
