"""The workflows, put together: which of them performs which tool. Each is loaded at its first call,
so that a server starts without those that nobody calls.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Final

from ..ground.performs import Performer, performer_of

if TYPE_CHECKING:
    from .call_log import CallLog
    from .directory import Directory
    from .kit import Kit

OF_CALLS: Final = (
    "call_stats", "find_calls", "list_voicemails", "missed_calls", "scan_transcripts",
)  # fmt: skip
"""Tools that read the list of calls: made of the kit and the log, which they share."""
OTHERS: Final = ("call_brief", "find_person", "place_call", "send_text", "team_status")
"""Tools that are made of the kit alone. `place_call` is the `PlaceCall` of place_call.py."""


class Workflows:
    """See the module docstring. `kit` gives what they work with, at the first use."""

    def __init__(self, kit: Callable[[], Kit]) -> None:
        self._make = kit
        self._made: dict[str, object] = {}
        self.performers: dict[str, Performer] = {
            tool: performer_of(tool, lambda tool=tool: self._of(tool))
            for tool in (*OF_CALLS, *OTHERS)
        }

    @cached_property
    def _kit(self) -> Kit:
        return self._make()

    @cached_property
    def _log(self) -> CallLog:
        """One for all, so that what one of them has read, another goes on with."""
        from .call_log import CallLog

        return CallLog(self._kit)

    @cached_property
    def directory(self) -> Directory:
        """Which user, number, team or tag somebody means."""
        from .directory import Directory

        return Directory(self._kit)

    def _of(self, tool: str) -> object:
        if tool not in self._made:
            named = "".join(word.capitalize() for word in tool.split("_"))
            kind = getattr(import_module(f".{tool}", __package__), named)
            works_with = (self._kit, self._log) if tool in OF_CALLS else (self._kit,)
            self._made[tool] = kind(*works_with)
        return self._made[tool]
