"""What the AI made of a call. All of it follows from the call and its dialogue."""

from __future__ import annotations

from functools import lru_cache

from . import views
from .deed import Answer, Json, Request, absent, performs, refused
from .dialogues import DIALOGUES, Dialogue
from .entities import Call
from .world import World, seeded

_MACHINES = ("Aurora 2", "Duo Pro", "Piccola", "Barista One")
_DAYS = {
    "en-US": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
    "fr-FR": ("lundi", "mardi", "mercredi", "jeudi", "vendredi"),
}


def fitting(language: str, direction: str) -> tuple[int, ...]:
    """The dialogues that could be held in this language and direction."""
    return tuple(
        index
        for index, one in enumerate(DIALOGUES)
        if one.language == language and one.direction == direction
    )


def chosen(world: World, call: Call) -> Dialogue:
    """What was said: the French speak French, and nobody answers a call as if they had made it."""
    line = world.numbers.get(call.number)
    language = "fr-FR" if line is not None and line.country == "FR" else "en-US"
    fit = fitting(language, call.direction)
    return DIALOGUES[fit[call.talk % len(fit)]]


def _analysed(world: World, request: Request) -> tuple[Call, Dialogue]:
    """The call and its dialogue, when there is an analysis of it by now."""
    call = world.call(request.path["call_id"])
    if call is None:
        raise absent("Call")
    ready = call.ended + max(world.pace.analysis, world.pace.media)
    if call.talk < 0 or request.now < ready or not world.has_recording(call, request.now):
        raise refused(404, "Nothing was generated for this call")
    return call, chosen(world, call)


@lru_cache(maxsize=256)
def _fillings(call_id: int, language: str) -> dict[str, str]:
    source = seeded("call", call_id)
    cents = source.randrange(4_900, 48_900, 50)
    french = language == "fr-FR"
    hour, half = source.randrange(9, 17), source.choice((0, 30))
    amount = f"{cents / 100:.2f}"
    return {
        "order": f"BL-{source.randrange(20_000, 99_999)}",
        "amount": amount.replace(".", ",") + " €" if french else f"${amount}",
        "day": source.choice(_DAYS[language]),
        "time": (f"{hour}h{half or ''}" if french else f"{hour}:{half:02d}"),
        "machine": source.choice(_MACHINES),
    }


def _said(world: World, call: Call, dialogue: Dialogue, text: str) -> str:
    user = world.users.get(call.user) if call.user is not None else None
    known = world.contacts_at(call.digits)
    french = dialogue.language == "fr-FR"
    return text.format(
        agent=user.first_name if user else "Alex",
        first=(known[0].first_name if known else None) or ("Camille" if french else "Sam"),
        company=(known[0].company_name if known else None) or "Harbour & Sons",
        **_fillings(call.id, dialogue.language),
    )


def _head(call: Call, world: World, *, kind: int) -> Json:
    """The opening that all artefacts share; `kind` keeps their ids apart."""
    return {
        "id": call.id % 100_000_000 * 10 + kind,
        "call_id": call.id,
        "call_uuid": f"CA{call.id:032x}",
        "number_id": call.number,
        "call_created_at": views.iso(call.started),
        "created_at": views.iso(call.ended + world.pace.analysis),
    }


def _side(call: Call, agent: bool) -> Json:
    if agent:
        return {"participant_type": "internal", "user_id": call.user or 0}
    return {"participant_type": "external", "phone_number": call.digits}


def _spoken(world: World, call: Call, dialogue: Dialogue) -> list[tuple[bool, str, float, float]]:
    """Who says what, from when to when, in seconds since the answer; long lines take longer."""
    lines = [(agent, _said(world, call, dialogue, text)) for agent, text in dialogue.lines()]
    answered = call.answered if call.answered is not None else call.started
    scale = (call.ended - answered) / sum(len(text) + 12 for _, text in lines)
    spoken: list[tuple[bool, str, float, float]] = []
    moment = 0.0
    for agent, text in lines:
        length = len(text) * scale
        spoken.append((agent, text, round(moment, 2), round(moment + length, 2)))
        moment += length + 12 * scale
    return spoken


def _content(world: World, call: Call, dialogue: Dialogue, *, realtime: bool) -> Json:
    utterances: list[Json] = []
    for agent, text, start, end in _spoken(world, call, dialogue):
        when: Json = (
            {"timestamp": round(start * 1000), "duration_ms": round((end - start) * 1000)}
            if realtime
            else {"start_time": start, "end_time": end}
        )
        utterances.append({**when, "text": text, **_side(call, agent)})
    return {"language": dialogue.language, "utterances": utterances}


@performs("get_call_transcription")
def get_call_transcription(world: World, request: Request) -> Answer:
    call, dialogue = _analysed(world, request)
    realtime = request.query.get("mode") == "realtime"
    shown = {
        **_head(call, world, kind=1),
        "type": "call",
        "content": _content(world, call, dialogue, realtime=realtime),
    }
    return Answer(200, {"transcription": shown})


@performs("get_call_realtime_transcription")
def get_call_realtime_transcription(world: World, request: Request) -> Answer:
    call, dialogue = _analysed(world, request)
    shown: Json = {
        "call_id": call.id,
        "call_uuid": f"CA{call.id:032x}",
        "content": _content(world, call, dialogue, realtime=True),
    }
    return Answer(200, shown)


@performs("get_call_sentiments")
def get_call_sentiments(world: World, request: Request) -> Answer:
    call, dialogue = _analysed(world, request)
    participants = [
        {**_side(call, False), "value": dialogue.customer},
        {**_side(call, True), "value": dialogue.agent},
    ]
    return Answer(200, {"sentiment": {**_head(call, world, kind=2), "participants": participants}})


@performs("get_call_topics")
def get_call_topics(world: World, request: Request) -> Answer:
    call, dialogue = _analysed(world, request)
    return Answer(200, {"topic": {**_head(call, world, kind=3), "content": list(dialogue.topics)}})


@performs("get_call_summary")
def get_call_summary(world: World, request: Request) -> Answer:
    call, dialogue = _analysed(world, request)
    text = _said(world, call, dialogue, dialogue.summary)
    return Answer(200, {"summary": {**_head(call, world, kind=4), "content": text}})


@performs("get_call_action_items")
def get_call_action_items(world: World, request: Request) -> Answer:
    call, dialogue = _analysed(world, request)
    head = _head(call, world, kind=5)
    items: list[Json] = [
        {
            "id": head["id"] * 10 + index,
            "ai_generated": True,
            "content": _said(world, call, dialogue, action),
            "created_at": head["created_at"],
            "created_by": None,
            "updated_at": None,
            "updated_by": None,
        }
        for index, action in enumerate(dialogue.actions)
    ]
    return Answer(200, {"call_id": call.id, "action_items": items})


@performs("get_call_playbook_result")
def get_call_playbook_result(world: World, request: Request) -> Answer:
    call, dialogue = _analysed(world, request)
    steps = ("Greeting", "Needs", "Solution", "Next step")
    missed = 4 - round(dialogue.score / 25)
    shown: Json = {
        **_head(call, world, kind=6),
        "adherence_score": (4 - missed) / 4,
        "ai_generated": True,
        "playbook_result_topics": [
            {"name": step, "result": "covered" if index < 4 - missed else "missed"}
            for index, step in enumerate(steps)
        ],
    }
    if request.query.get("fetch_playbook"):
        inbound = call.direction == "inbound"
        name = "Support call" if inbound else "Sales call"
        playbook = {"id": 41 if inbound else 42, "name": name, "language": dialogue.language}
        shown["playbook"] = playbook
    return Answer(200, shown)


@performs("get_call_evaluations")
def get_call_evaluations(world: World, request: Request) -> Answer:
    call, dialogue = _analysed(world, request)
    head = _head(call, world, kind=7)
    care = min(100, dialogue.score + 8)
    questions: list[Json] = [
        {"question": "Did the agent give their name?", "answer": "yes", "score": 100},
        {"question": "Was the next step made clear?", "answer": "yes", "score": care},
    ]
    evaluation: Json = {
        "score": dialogue.score,
        "categories": [{"name": "Opening", "score": 100}, {"name": "Care", "score": care}],
        "questions": questions,
    }
    shown: Json = {
        **head,
        "ai_generated": True,
        "evaluations": [evaluation],
        "reviewed_at": None,
        "updated_at": head["created_at"],
    }
    return Answer(200, shown)


@performs("get_call_predicted_csat")
def get_call_predicted_csat(world: World, request: Request) -> Answer:
    call, dialogue = _analysed(world, request)
    polarity = "POSITIVE" if dialogue.score >= 60 else "NEGATIVE"
    shown: Json = {
        "call_id": call.id,
        "call_uuid": f"CA{call.id:032x}",
        "score": dialogue.score,
        "drivers": [{"polarity": polarity, "label": dialogue.driver}],
    }
    return Answer(200, {"csat": shown})


@performs("get_call_custom_summary_result")
def get_call_custom_summary_result(world: World, request: Request) -> Answer:
    call, dialogue = _analysed(world, request)
    french = dialogue.language == "fr-FR"
    reason, following = ("Motif", "Suite") if french else ("Reason", "What comes next")
    actions = "; ".join(_said(world, call, dialogue, action) for action in dialogue.actions)
    shown: Json = {
        **_head(call, world, kind=8),
        "custom_summary": {"name": "Wrap-up"},
        "summary_template_results": [
            {"title": reason, "content": ", ".join(dialogue.topics)},
            {"title": following, "content": actions},
        ],
    }
    return Answer(200, shown)
