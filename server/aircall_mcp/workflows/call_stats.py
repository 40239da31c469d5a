"""Figures of a period compared with the one before: one sentence and a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic_core import to_json

from ..ground.caller import Caller
from ..ground.performs import performs
from ..ground.secrets import cut
from .call_filter import CallFilter
from .call_log import CallLog, so_far
from .kit import Json, Kit, Listed, id_of, rows_of, text_of
from .kpis import SLA, WEEKDAYS, By, Figures, average, kpis_of, share
from .periods import Period

COLUMNS = (
    "group", "calls", "in", "out", "answered", "missed", "in_sla", "in_sla_pct", "tta_s", "talk_s",
    "called_back", "back_s",
)  # fmt: skip
ROOM = 2_100
"""Bytes of the table: with the sentence some 600 tokens."""
BACK_WITHIN = 86_400
"""Seconds within which a missed call is to be called back."""
_LONGEST = 24


class CallStats:
    def __init__(self, kit: Kit, log: CallLog) -> None:
        self._kit = kit
        self._filter = CallFilter(kit, log)

    @performs("call_stats")
    async def call_stats(self, arguments: Mapping[str, Any], caller: Caller) -> Json:
        meant = await self._filter.meant(arguments, caller, "yesterday", here=True)
        by: By | None = arguments.get("by")
        sla = int(arguments.get("sla_seconds", SLA))
        now, period, before = int(self._kit.clock.wall()), meant.period, meant.period.before()
        # Whoever was missed late is called back behind the end; one reading serves both periods.
        until = min(now + 1, period.end + BACK_WITHIN)
        around = Period(before.begin, until, f"{period.words} and before", period.zone)
        calls, _ = await self._filter.read(
            replace(meant, period=around), caller, fetch_call_timeline=True, fetch_aiva_conv=True
        )
        listed = await self._kit.whole("list_teams", caller) if by == "team" else None
        teams = _members(listed) if listed else {}
        how: Json = {"zone": period.zone, "sla": sla, "within": BACK_WITHIN, "fits": meant.fits}
        total, groups = kpis_of(
            calls.items, period.begin, period.end, by=by, teams=teams, **how
        )  # fmt: skip
        earlier, _ = kpis_of(calls.items, before.begin, before.end, **how)
        rows = self._rows(total, earlier, groups, by)
        ongoing = sum(call.get("status") != "done" and period.begin <= (call.get("started_at") or 0)
                      for call in calls.items)  # fmt: skip
        told = before.told()
        covers = (
            f"Ended calls alone{f'; {ongoing} go on' if ongoing else ''}."
            f" Before: {told['begin']} to {told['end']}. SLA {sla} s,"
            " in_sla_pct of the answered. tta_s and back_s are means; called_back: within 24 h."
        )
        if not calls.complete:
            covers = f"Not all calls were read: see page.why. {covers}"
        data: Json = {
            "summary": f"{_sentence(total, earlier, meant.words, period)}{so_far(calls)}.",
            "columns": list(COLUMNS),
            "rows": rows,
            "missed_by_reason": dict(total.reasons.most_common()),
            "covers": covers,
        }
        page = calls.page(total.calls)
        if listed and listed.why:
            page |= {"complete": False, "why": f"Not all teams were read: {listed.why}"}
        return await self._kit.result(
            data, notes=meant.notes, page=page, window=period.told(),
            key="rows", strangers=by in ("user", "team", "number", "tag"),
        )  # fmt: skip

    def _rows(
        self, total: Figures, earlier: Figures, groups: Mapping[str, Figures], by: By | None
    ) -> list[list[Any]]:
        """All, those before, and the groups, as many as have room; the others as one."""
        rows = [row_of("all", total), row_of("before", earlier)]
        room = ROOM - len(to_json(rows)) - 80
        names = sorted(groups, key=lambda name: _order(by, name, groups[name]))
        rest, left = Figures(), 0
        for name in names:
            label = name or ("nobody" if by == "user" else "none")
            label = str(cut(self._kit.scrubber.text(label), _LONGEST, "…"))
            row = row_of(label, groups[name])
            room -= len(to_json(row)) + 1
            if room < 0:
                rest.add(groups[name])
                left += 1
            else:
                rows.append(row)
        if left:
            rows.append(row_of(f"{left} others", rest))
        return rows


def _members(teams: Listed) -> dict[str, frozenset[int]]:
    """The ids of the users of each team, by its name."""
    return {
        text_of(row.get("name")): frozenset(
            one for user in rows_of(row, "users") if (one := id_of(user)) is not None
        )
        for row in teams.items
    }


def row_of(name: str, figures: Figures) -> list[Any]:
    """Figures as a line of the table, in the order of `COLUMNS`."""
    waits, back = average(figures.time_to_answer), average(figures.back_after)
    in_sla = share(figures.in_sla, figures.answered)
    return [
        name, figures.calls, figures.inbound, figures.outbound, figures.answered, figures.missed,
        figures.in_sla, in_sla["percent"] if in_sla else None, waits["mean"] if waits else None,
        figures.talk, figures.called_back, back["mean"] if back else None,
    ]  # fmt: skip


def _sentence(total: Figures, earlier: Figures, words: list[str], period: Period) -> str:
    said = " ".join(["calls", *words])
    parts = [f"{total.calls} {said} ({period.words}; {earlier.calls} before)"]
    if total.inbound:
        parts.append(f"{total.answered} of {total.inbound} inbound answered")
    if total.missed:
        parts.append(f"{total.missed} missed, {total.called_back} of them called back")
    waits = average(total.time_to_answer)
    if waits:
        sla = share(total.in_sla, total.answered) or {"percent": 0}
        parts.append(f"{waits['mean']} s to answer, {sla['percent']} % in SLA")
    return "; ".join(parts)


def _order(by: By | None, name: str, figures: Figures) -> tuple[Any, ...]:
    if by == "weekday":
        return (WEEKDAYS.index(name),)
    return (name,) if by == "hour" else (-figures.calls, name)
