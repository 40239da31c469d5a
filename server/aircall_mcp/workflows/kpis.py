"""Figures of calls by the rules of Aircall's own dashboards: pure arithmetic over call objects.

The rules are those of Aircall's help centre (articles 13399649077277, 13400715237277,
10375394708125, 14936017803549). Seconds are integers; a share says what it is a share of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, Literal, cast

Json = dict[str, Any]
By = Literal["user", "team", "number", "tag", "hour", "weekday"]

GROUPS: tuple[By, ...] = ("user", "team", "number", "tag", "hour", "weekday")
SLA = 20
"""Seconds within which a call is to be answered, where nobody says otherwise."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ANONYMOUS = frozenset({"", "anonymous", "unknown", "restricted", "private"})


@dataclass(slots=True)
class Figures:
    """Of some calls. `time_to_answer` and `back_after` are the seconds of each that has them."""

    calls: int = 0
    inbound: int = 0
    outbound: int = 0
    answered: int = 0
    """Inbound calls that a user picked up."""
    reached: int = 0
    """Outbound calls that were picked up."""
    missed: int = 0
    by_agent: int = 0
    """Inbound calls that an AI agent dealt with, and no user picked up."""
    reasons: Counter[str] = field(default_factory=Counter[str])
    voicemails: int = 0
    talk: int = 0
    in_sla: int = 0
    time_to_answer: list[int] = field(default_factory=list[int])
    called_back: int = 0
    back_after: list[int] = field(default_factory=list[int])

    def add(self, other: Figures) -> None:
        """Enter the figures of other calls."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.reasons.update(other.reasons)
        self.time_to_answer += other.time_to_answer
        self.back_after += other.back_after

    def told(self) -> Json:
        """As an answer has it."""
        waits = self.time_to_answer
        return {
            "calls": self.calls,
            "inbound": self.inbound,
            "outbound": self.outbound,
            "answered": self.answered,
            "outbound_answered": self.reached,
            "missed": self.missed,
            "missed_by_reason": dict(sorted(self.reasons.items())),
            "handled_by_ai_agent": self.by_agent,
            "voicemails": self.voicemails,
            "talk_seconds": self.talk,
            "time_to_answer_seconds": average(waits),
            "in_sla": self.in_sla,
            # Overview and Analytics+ take it of the answered, Inbound of all (22105374839965).
            "in_sla_of_answered": share(self.in_sla, self.answered),
            "in_sla_of_inbound": share(self.in_sla, self.inbound),
            "called_back": self.called_back,
            "called_back_of_missed": share(self.called_back, self.missed),
            "call_back_seconds": average(self.back_after),
        }


_COUNTS = (
    "calls", "inbound", "outbound", "answered", "reached", "missed", "by_agent", "voicemails",
    "talk", "in_sla", "called_back",
)  # fmt: skip


def kpis_of(
    calls: Iterable[Mapping[str, Any]],
    begin: int,
    end: int,
    *,
    by: By | None = None,
    teams: Mapping[str, frozenset[int]] | None = None,
    zone: tzinfo = UTC,
    sla: int = SLA,
    within: int | None = None,
    fits: Callable[[Json], bool] = lambda _call: True,
) -> tuple[Figures, dict[str, Figures]]:
    """The figures of the calls that began within [begin, end), in all and in groups.

    `calls` may have more: those behind `end` tell who was called back. `teams` maps the names of
    teams to the ids of their users, for calls that name no team. A call is in each of its tags and
    teams; one that has none is in "". Only calls that `fits` leaves are counted, and only
    call-backs `within` so many seconds.
    """
    listed = [dict(call) for call in calls]
    dials = _dials(listed)
    total, groups = Figures(), dict[str, Figures]()
    for call in listed:
        started = moment(call, "started_at")
        # Dashboards show ended calls only (14936017803549).
        if started is None or not begin <= started < end or call.get("status") != "done":
            continue
        if not fits(call):
            continue
        names = _groups(call, by, teams or {}, zone) if by else ()
        into = [groups.setdefault(name, Figures()) for name in dict.fromkeys(names)]
        for figures in (total, *into):
            count(figures, call, dials, sla, within)
    return total, groups


def count(
    figures: Figures, call: Json, dials: Mapping[str, list[int]], sla: int, within: int | None
) -> None:
    """Enter one ended call."""
    figures.calls += 1
    answered = moment(call, "answered_at")
    if answered is not None:
        # Talk time: from the pick-up to the end.
        ended = moment(call, "ended_at")
        figures.talk += max(0, ended - answered) if ended is not None else 0
    if call.get("direction") == "outbound":
        figures.outbound += 1
        figures.reached += answered is not None
        # An outbound call that was transferred successfully counts as inbound, too
        # (13400715237277); whoever it was transferred to took it.
        if answered is not None and call.get("transferred_to"):
            figures.inbound += 1
            figures.answered += 1
        return
    figures.inbound += 1
    if answered is not None:
        figures.answered += 1
        wait = time_to_answer(call)
        if wait is not None:
            figures.time_to_answer.append(wait)
            # In SLA: answered with a time to answer of at most the SLA (13399649077277).
            figures.in_sla += wait <= sla
        return
    figures.voicemails += bool(call.get("voicemail"))
    # Unanswered calls that an AI agent dealt with are a class of their own (14936017803549).
    if call.get("ai_voice_agents"):
        figures.by_agent += 1
        return
    figures.missed += 1
    figures.reasons[_text(call.get("missed_call_reason")) or "unknown"] += 1
    back = call_back(call, dials)
    if back is not None and (within is None or back <= within):
        figures.called_back += 1
        figures.back_after.append(back)


def time_to_answer(call: Mapping[str, Any]) -> int | None:
    """Ringing and queueing until the pick-up: what comes before is welcome message, menu (IVR) or
    AI agent, up to the end of the last of them (13399649077277). None where nobody picked up."""
    started, answered = moment(call, "started_at"), moment(call, "answered_at")
    if started is None or answered is None:
        return None
    ends = [
        at
        for rows, name in (("ivr_options_selected", "transition_ended_at"),
                           ("ai_voice_agents", "ended_at"))
        for row in _rows(call.get(rows))
        if (at := moment(row, name)) is not None and started <= at <= answered
    ]  # fmt: skip
    return max(0, answered - max([started, *ends]))


def owner_of(call: Mapping[str, Any]) -> tuple[int, str] | None:
    """The user that a call belongs to: its last participant (13400715237277); nobody where it was
    missed."""
    if moment(call, "answered_at") is None and call.get("direction") != "outbound":
        return None
    for name in ("transferred_to", "user"):
        person = call.get(name)
        if isinstance(person, Mapping):
            row = cast("Json", person)
            if isinstance(row.get("id"), int):
                return row["id"], _text(row.get("name")) or str(row["id"])
    return None


def call_back(call: Mapping[str, Any], dials: Mapping[str, list[int]]) -> int | None:
    """Seconds from the end of a missed call to the first outbound call to the same number; None
    where there was none. Whether it was picked up does not matter."""
    ended = moment(call, "ended_at") or moment(call, "started_at")
    party = party_of(call)
    if ended is None or not party:
        return None
    return next((at - ended for at in dials.get(party, ()) if at >= ended), None)


def party_of(call: Mapping[str, Any]) -> str:
    """The digits of whoever is outside, "" where they are hidden."""
    said = _text(call.get("raw_digits")).strip().casefold()
    return "" if said in ANONYMOUS else "".join(one for one in said if one.isdigit())


def moment(row: Mapping[str, Any], name: str) -> int | None:
    """UNIX seconds, as whole ones, of a field in seconds or ISO 8601."""
    at = row.get(name)
    if isinstance(at, str):
        try:
            return int(datetime.fromisoformat(at).timestamp())
        except ValueError:
            return None
    fits = isinstance(at, int | float) and not isinstance(at, bool) and 0 < at < 4.1e9
    return int(cast("float", at)) if fits else None


def average(seconds: Sequence[int]) -> Json | None:
    """The mean in whole seconds, the median, and of how many; None of none."""
    if not seconds:
        return None
    ranked, n = sorted(seconds), len(seconds)
    middle = (ranked[(n - 1) // 2] + ranked[n // 2]) // 2
    return {
        "mean": (2 * sum(ranked) + n) // (2 * n),
        "median": middle,
        "longest": ranked[-1],
        "of": n,
    }


def share(part: int, whole: int) -> Json | None:
    """Per cent to a tenth, and of how many; None of none."""
    return {"percent": round(100 * part / whole, 1), "of": whole} if whole else None


def _dials(calls: Iterable[Mapping[str, Any]]) -> dict[str, list[int]]:
    """When each number outside was called, in order."""
    dials: dict[str, list[int]] = {}
    for call in calls:
        at, party = moment(call, "started_at"), party_of(call)
        if call.get("direction") == "outbound" and at is not None and party:
            dials.setdefault(party, []).append(at)
    return {party: sorted(times) for party, times in dials.items()}


def _groups(call: Json, by: By, teams: Mapping[str, frozenset[int]], zone: tzinfo) -> Iterable[str]:
    how: dict[By, Callable[[], Iterable[str]]] = {
        "user": lambda: [owner[1] if (owner := owner_of(call)) else ""],
        "team": lambda: _teams(call, teams) or [""],
        # A call belongs to its final number (13400715237277), which is the one that it shows.
        "number": lambda: [_name(call.get("number"))],
        "tag": lambda: [_name(tag) for tag in _rows(call.get("tags"))] or [""],
        "hour": lambda: [f"{_local(call, zone):%H}:00"],
        "weekday": lambda: [WEEKDAYS[_local(call, zone).weekday()]],
    }
    return how[by]()


def _teams(call: Json, teams: Mapping[str, frozenset[int]]) -> list[str]:
    """The teams it rang at; else those of the user it belongs to."""
    if named := [_name(team) for team in _rows(call.get("teams"))]:
        return named
    owner = owner_of(call)
    return [name for name, ids in teams.items() if owner is not None and owner[0] in ids]


def _local(call: Json, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(moment(call, "started_at") or 0, zone)


def _name(value: Any) -> str:
    row = cast("Json", value) if isinstance(value, dict) else {}
    return _text(row.get("name")) or (str(row["id"]) if "id" in row else "")


def _rows(value: Any) -> list[Json]:
    listed = cast("list[Any]", value) if isinstance(value, list) else []
    return [cast("Json", row) for row in listed if isinstance(row, dict)]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m aircall_mcp.workflows.kpis CALLS.json BEGIN END`: the figures of calls in a file,
    a list of call objects as Aircall's REST API gives them, as JSON. Times are UNIX seconds."""
    import argparse
    import json
    import sys
    from pathlib import Path
    from zoneinfo import ZoneInfo

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("calls", type=Path)
    parser.add_argument("begin", type=int)
    parser.add_argument("end", type=int)
    parser.add_argument("--by", choices=GROUPS)
    parser.add_argument("--teams", type=Path, help="a list of teams with their users")
    parser.add_argument("--zone", type=ZoneInfo, default=ZoneInfo("UTC"))
    parser.add_argument("--sla", type=int, default=SLA)
    parser.add_argument("--within", type=int, help="seconds in which a call-back counts")
    given = parser.parse_args(argv)

    def listed(file: Path, key: str) -> list[Json]:
        read: Any = json.loads(file.read_text("utf-8"))
        return _rows(cast("Json", read).get(key) if isinstance(read, dict) else read)

    teams = {
        _name(team): frozenset(user["id"] for user in _rows(team.get("users")))
        for team in (listed(given.teams, "teams") if given.teams else ())
    }
    total, groups = kpis_of(
        listed(given.calls, "calls"), given.begin, given.end, by=given.by, teams=teams,
        zone=given.zone, sla=given.sla, within=given.within,
    )  # fmt: skip
    told = {"total": total.told(), "groups": {name: one.told() for name, one in groups.items()}}
    json.dump(told, sys.stdout, indent=2, ensure_ascii=False)
    print()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
