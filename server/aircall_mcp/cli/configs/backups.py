"""Copies of the clients' files from before we changed them, kept in our home, readable only by its
owner.

Not beside the file: there it could be committed with a project, and it may hold keys of others.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from ...errors import StoreError
from ...ground.private_files import Modes

ABSENT = "absent"
"""The suffix that says that there was no file."""


class Backups:
    """The backups of one file, numbered in the order of the changes. Raises `StoreError`."""

    def __init__(self, home: Path, file: Path, modes: Modes | None = None) -> None:
        self._home = home
        self._modes = modes or Modes()
        name = hashlib.sha256(str(file).encode()).hexdigest()[:12]
        self._folder = home / "backups" / f"{file.name}-{name}"

    def keep(self, content: bytes | None) -> Path:
        """Put `content` away before it changes (None: there is no file yet); gives where."""
        for folder in (self._home, self._folder.parent, self._folder):
            self._modes.directory(folder)
        number = max((number for number, _ in self._numbered()), default=0) + 1
        kept = self._folder / (f"{number:04}.{ABSENT}" if content is None else f"{number:04}")
        self._modes.replace(kept, content or b"")
        return kept

    def newest_first(self) -> Iterator[bytes | None]:
        """What was kept, from the newest to the oldest."""
        for _, file in sorted(self._numbered(), reverse=True):
            if file.suffix == f".{ABSENT}":
                yield None
                continue
            try:
                with os.fdopen(self._modes.open(file, create=False), "rb") as kept:
                    yield kept.read()
            except OSError as error:
                raise StoreError(f"{file} cannot be read: {error.strerror}.") from None

    def _numbered(self) -> list[tuple[int, Path]]:
        try:
            files = list(self._folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise StoreError(f"{self._folder} cannot be read: {error.strerror}.") from None
        form = re.compile(rf"([0-9]{{4,}})(?:\.{ABSENT})?")
        found = [(form.fullmatch(file.name), file) for file in files]
        return [(int(match[1]), file) for match, file in found if match]
