"""Logs go to one file of the owner's: ids and kinds, never bodies, never a known secret."""

from __future__ import annotations

import logging
import logging.handlers
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

LONGEST_MESSAGE = 512
LARGEST_FILE = 2 * 1024 * 1024
KEPT_FILES = 3


def write_to(file: Path, level: str, scrub: Callable[[str], str]) -> str:
    """Send all logging to `file` (mode 0600, rotated). Returns why not, or an empty string."""
    try:
        for directory in (file.parent.parent, file.parent):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        target: logging.Handler = _Private(
            file, maxBytes=LARGEST_FILE, backupCount=KEPT_FILES, encoding="utf-8", delay=True
        )
        reason = ""
    except OSError as error:
        target, reason = logging.NullHandler(), f"{file}: {error.strerror}"
    target.setFormatter(_Line(scrub))
    logging.basicConfig(level=level.upper(), handlers=[target], force=True)
    # What cannot be logged would be told on stderr, unscrubbed.
    logging.raiseExceptions = False
    # The SDK and the HTTP client tell whole messages and URLs at their lower levels.
    for noisy in ("mcp", "httpx2", "httpcore2", "uvicorn", "anyio", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return reason


class _Private(logging.handlers.RotatingFileHandler):
    def _open(self) -> Any:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return os.fdopen(descriptor, self.mode, encoding=self.encoding)


class _Line(logging.Formatter):
    """One scrubbed, bounded line a record."""

    def __init__(self, scrub: Callable[[str], str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")
        self._scrub = scrub

    def format(self, record: logging.LogRecord) -> str:
        text = self._scrub(super().format(record))
        head, _, rest = text.partition("\n")
        return head[:LONGEST_MESSAGE] + ("\n" + rest[-4000:] if rest and record.exc_info else "")
