"""Which kinds of events there are, and whether those that somebody asks for are among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from ..errors import ArgumentError, quoted
from ..ground.nearest import nearest
from .event import matches

_OF: Mapping[str, str] = {
    "call": """created ringing_on_agent agent_declined answered transferred external_transferred
        unsuccessful_transfer hungup ended voicemail_left commented tagged untagged assigned
        archived hold unhold ivr_option_selected comm_assets_generated""",
    "user": """created deleted connected disconnected opened closed wut_start wut_end created.v2
        deleted.v2 connected.v2 disconnected.v2 opened.v2 closed.v2 wut_start.v2 wut_end.v2""",
    "number": "created opened closed deleted",
    "contact": "created updated deleted",
    "message": "sent received updated status_updated",
    "group_message": "sent received status_updated",
    "transcription": "created",
    "summary": "created",
    "topics": "created",
    "sentiment": "created",
    "action_item": "created",
    "playbook_result": "created updated",
    "realtime_transcription": "utterances_received",
    "custom_summary": "result_created result_updated",
    "call_evaluation": "created updated",
    "ai_voice_agent": "started ended escalated summary",
    "analytics": "report_created report_failed",
    "integration": "deleted",
    "outbound_campaign": "outcome_recorded status_changed",
    "team": "created destroyed",
}
KINDS = tuple(f"{what}.{happened}" for what, rest in _OF.items() for happened in rest.split())
"""What Aircall tells of, as the API description lists it."""
CALLED_BACK = "message.updated"
"""The one that no webhook brings."""
MOST = 100
"""Kinds that can be asked for at once."""
GROUPS = tuple(f"{what}.*" for what in _OF)


def named(kinds: str | None) -> list[str]:
    """Those of a list with commas, as a person types it."""
    return [kind for kind in map(str.strip, (kinds or "").split(",")) if kind]


def check_kinds(kinds: Sequence[str], *, came: Iterable[str] = ()) -> None:
    """Raise `ArgumentError` for a kind that Aircall does not tell of and that never `came`, with
    the nearest right one. `call.*` stands for all that begin so, `*` for everything.
    """
    if len(kinds) > MOST:
        raise ArgumentError(
            f"At most {MOST} kinds at once.", hint="`call.*` means all that begin with `call.`."
        )
    known = dict.fromkeys((*KINDS, *came))
    for kind in kinds:
        if kind not in known and not any(matches(one, [kind]) for one in known):
            near = (*islice(known, len(KINDS) + MOST), *GROUPS)
            raise ArgumentError(
                f"There is no kind of event `{quoted(kind)}`.",
                hint=nearest(kind, near) or f"Known: {', '.join(GROUPS)}",
            )


def spelled_out(kinds: Sequence[str]) -> list[str]:
    """The same with `call.*` and `*` as the kinds they stand for: what Aircall takes for a webhook.
    Raises `ArgumentError`, as above.
    """
    check_kinds(kinds)
    if CALLED_BACK in kinds:
        raise ArgumentError(
            f"Aircall reports {CALLED_BACK} only for a number in proxy mode.",
            hint="Register that number with --number ID, or ask for message.status_updated.",
        )
    return [kind for kind in KINDS if kind != CALLED_BACK and matches(kind, kinds)]
