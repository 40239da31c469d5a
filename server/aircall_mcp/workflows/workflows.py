"""The workflows, put together: which of them performs which tool."""

from __future__ import annotations

from collections.abc import Callable

from ..ground.performs import Performer, performers_of
from .kit import Kit
from .team_status import TeamStatus

KINDS: tuple[type, ...] = (TeamStatus,)
"""One for each tool; each is made of the kit when it is first asked for."""


class Workflows:
    """See the module docstring. `kit` gives what they work with, at the first use."""

    def __init__(self, kit: Callable[[], Kit]) -> None:
        self._kit = kit
        self._made: dict[type, object] = {}
        self.performers: dict[str, Performer] = {}
        for kind in KINDS:
            self.performers |= performers_of(kind, lambda kind=kind: self._of(kind))

    def _of(self, kind: type) -> object:
        if kind not in self._made:
            self._made[kind] = kind(self._kit())
        return self._made[kind]
