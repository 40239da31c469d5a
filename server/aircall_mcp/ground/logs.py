"""Logs go to one file of the owner: ids and kinds, never bodies, never a known secret."""

from __future__ import annotations

import logging
import logging.handlers
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import StoreError
from .private_files import ELSEWHERE, Modes
from .secrets import Scrub, cut, last

LONGEST_MESSAGE = 512
LONGEST_TRACE = 4_000
"""Characters of a traceback, of which the end says most."""
LARGEST_FILE = 2 * 1024 * 1024
KEPT_FILES = 3


def write_to(file: Path, level: str, scrub: Scrub) -> str:
    """Send all logging to `file` (mode 0600, rotated). Returns why not and what helps, or an empty
    string.
    """
    try:
        modes = Modes()
        for directory in (file.parent.parent, file.parent):
            modes.sound(directory, create=True)
        target: logging.Handler = _Private(
            file, maxBytes=LARGEST_FILE, backupCount=KEPT_FILES, encoding="utf-8", delay=True
        )
        for old in (file, *(Path(f"{file}.{number}") for number in range(1, KEPT_FILES + 1))):
            with suppress(FileNotFoundError):
                os.close(modes.append(old, create=False))  # narrows it
        reason = ""
    except StoreError as error:
        # What helps everywhere is said by what cannot do without.
        mended_by = "" if error.hint == ELSEWHERE else error.hint
        target, reason = logging.NullHandler(), f"{error.message} {mended_by}".rstrip(" .")
    target.setFormatter(Line(scrub))
    logging.basicConfig(level=level.upper(), handlers=[target], force=True)
    # What cannot be logged would be told on stderr, unscrubbed.
    logging.raiseExceptions = False
    # The SDK and the HTTP client tell whole messages and URLs at their lower levels.
    for noisy in ("mcp", "httpx2", "httpcore2", "uvicorn", "anyio", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Its warnings are what anybody can cause who connects, as often as he likes.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    return reason


class _Private(logging.handlers.RotatingFileHandler):
    def _open(self) -> Any:
        descriptor = Modes().append(Path(self.baseFilename))
        return os.fdopen(descriptor, self.mode, encoding=self.encoding)


class Line(logging.Formatter):
    """One scrubbed, bounded line a record."""

    def __init__(self, scrub: Scrub) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")
        self._scrub = scrub

    def format(self, record: logging.LogRecord) -> str:
        text = self._scrub(super().format(record))
        head = text.find("\n")
        line = cut(text, min(LONGEST_MESSAGE, head) if head >= 0 else LONGEST_MESSAGE)
        if head < 0 or not record.exc_info:
            return line
        return f"{line}\n{last(text, min(LONGEST_TRACE, len(text) - head - 1))}"
