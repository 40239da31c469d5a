"""The workflows, put together: which of them performs which tool."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

from ..ground.performs import Performer, performers_of
from .call_brief import CallBrief
from .call_log import CallLog
from .call_stats import CallStats
from .directory import Directory
from .find_calls import FindCalls
from .find_person import FindPerson
from .kit import Kit
from .list_voicemails import ListVoicemails
from .missed_calls import MissedCalls
from .place_call import PlaceCall
from .scan_transcripts import ScanTranscripts
from .send_text import SendText
from .team_status import TeamStatus


class Workflows:
    """See the module docstring. `kit` gives what they work with, at the first use."""

    def __init__(self, kit: Callable[[], Kit]) -> None:
        self._make = kit
        self._made: dict[type, object] = {}
        self.performers: dict[str, Performer] = {}
        makers: Mapping[type, Callable[[], object]] = {
            TeamStatus: lambda: TeamStatus(self._kit),
            SendText: lambda: SendText(self._kit),
            FindCalls: lambda: FindCalls(self._kit, self._log),
            MissedCalls: lambda: MissedCalls(self._kit, self._log),
            ListVoicemails: lambda: ListVoicemails(self._kit, self._log),
            CallStats: lambda: CallStats(self._kit, self._log),
            FindPerson: lambda: FindPerson(self._kit),
            PlaceCall: lambda: PlaceCall(self._kit),
            CallBrief: lambda: CallBrief(self._kit),
            ScanTranscripts: lambda: ScanTranscripts(self._kit, self._log),
        }
        for kind, make in makers.items():
            self.performers |= performers_of(
                kind, lambda kind=kind, make=make: self._of(kind, make)
            )

    @cached_property
    def _kit(self) -> Kit:
        return self._make()

    @cached_property
    def _log(self) -> CallLog:
        """One for all, so that what one of them has read, another goes on with."""
        return CallLog(self._kit)

    @cached_property
    def directory(self) -> Directory:
        """Which user, number, team or tag somebody means."""
        return Directory(self._kit)

    def _of(self, kind: type, make: Callable[[], object]) -> object:
        if kind not in self._made:
            self._made[kind] = make()
        return self._made[kind]
