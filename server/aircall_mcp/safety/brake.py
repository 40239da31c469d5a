"""The emergency brake: a file in the home. While it is there, no effect begins.

Whether it is there is all that is asked, right before an effect begins. So it holds in every
process of the home at once, though they know nothing of each other, and for those that start later.
Where it cannot be told, it counts as pulled.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ..errors import NotAllowed, StoreError, quoted
from ..ground.clock import Clock
from ..ground.operation import Operation
from ..ground.private_files import Modes
from ..ground.times import iso
from ..ground.visible import clean

FILE = "brake.json"
LONGEST_REASON = 1_000
"""Characters of why it was pulled."""

RESUME = "aircall-mcp resume"
"""What lets effects through again."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """How it stands while it is pulled. `since` is in UNIX seconds, None where that cannot be read;
    `by` and `reason` are words of a person, for persons. `trouble` says why it cannot be told."""

    since: float | None = None
    by: str = ""
    reason: str = ""
    trouble: str = ""

    def __str__(self) -> str:
        """One sentence for a person."""
        if self.trouble:
            return f"whether the emergency brake is pulled could not be checked ({self.trouble})"
        by = f" by {self.by}" if self.by else ""
        why = f": {self.reason}" if self.reason else ""
        since = f" since {iso(self.since)}" if self.since is not None else ""
        return f"the emergency brake is pulled{since}{by}{why}"


class Brake:
    """The brake of one home. `look` tells of a file that is there, or raises `OSError`."""

    def __init__(
        self,
        home: Path,
        *,
        modes: Modes | None = None,
        clock: Clock | None = None,
        look: Callable[[Path], os.stat_result] = os.lstat,
    ) -> None:
        self.path = home / FILE
        self._modes = modes or Modes()
        self._clock = clock or Clock()
        self._look = look

    def __call__(self, operation: Operation) -> None:
        """Raise `NotAllowed` for what is no read, while it is pulled or that cannot be told."""
        if operation.effect == "read":
            return
        trouble = ""
        try:
            since = self._look(self.path).st_mtime
        except FileNotFoundError:
            return
        except OSError as error:
            since, trouble = None, _words(error)
        if trouble:
            raise NotAllowed(
                f"{operation.tool} was not sent: whether the emergency brake of this server is"
                f" pulled could not be checked ({trouble}); until then only reads are done.",
                hint="Reading still works. A person checks with `aircall-mcp doctor`.",
            )
        raise NotAllowed(
            f"{operation.tool} was not sent: a person pulled the emergency brake of this server"
            f" ({iso(since or 0)}), and until it is released nothing is done but reading.",
            hint=f"Only a person may release it: whoever runs this server, with `{RESUME}` on its"
            " machine. No other tool or argument gets around it; reading still works.",
        )

    def holds(self) -> bool:
        """Whether nothing may begin: it is pulled, or that cannot be told."""
        try:
            self._look(self.path)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True

    def pulled(self) -> Pulled | None:
        """How it stands, None where it is released."""
        try:
            since = self._look(self.path).st_mtime
        except FileNotFoundError:
            return None
        except OSError as error:
            return Pulled(trouble=_words(error))
        said: Mapping[str, Any] = {}
        with suppress(StoreError, ValueError):  # that it is there says enough
            read: Any = json.loads(self._modes.read(self.path) or b"{}")
            said = cast("Mapping[str, Any]", read) if isinstance(read, dict) else {}
        by, reason = (_line(said.get(name)) for name in ("by", "reason"))
        return Pulled(since, by, reason)

    def pull(self, *, by: str = "", reason: str = "") -> Pulled:
        """Pull it; where it is pulled already, that stands. Raises `StoreError` where it cannot be:
        then nothing was stopped."""
        found = self.pulled()
        if found is not None and not found.trouble:
            return found
        if not os.path.lexists(self.path.parent):
            self._modes.directory(self.path.parent)
        # First of all it is there, be it empty: a disk that is full has room for that.
        self._modes.touch(self.path)
        said = {"by": _line(by), "reason": _line(reason), "at": iso(self._clock.wall())}
        with suppress(StoreError):
            self._modes.replace(self.path, json.dumps(said).encode())
        return self.pulled() or Pulled(self._clock.wall(), said["by"], said["reason"])

    def release(self) -> Pulled | None:
        """Let effects through again; how it stood, None where it was not pulled. Raises
        `StoreError` where it cannot be released."""
        found = self.pulled()
        if found is not None:
            self._modes.remove(self.path)
        return found


def _words(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else type(error).__name__


def _line(value: Any) -> str:
    """Words of a person, on one line that no terminal obeys."""
    text = clean(value) if isinstance(value, str) else ""
    return quoted(" ".join(text.split()), LONGEST_REASON)
