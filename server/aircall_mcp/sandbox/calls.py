"""Calls: finding them, annotating them, controlling the live ones."""

from __future__ import annotations

import json

from . import views
from .deed import Answer, Request, absent, bad, e164, performs, plain, refused
from .entities import Call, Comment, Tagging, User
from .paging import descending, page, window
from .world import HISTORY, World, dialled

_MOST_COMMENTS = 5
_LARGEST_CARD = 10 * 1024


def _call(world: World, request: Request) -> Call:
    call = world.call(request.path["id"])
    if call is None:
        raise absent("Call")
    return call


def _listed(world: World, request: Request) -> list[Call]:
    """Those that started after `from` and not after `to`, within the history that is kept."""
    start, end = window(request)
    calls = [
        call
        for call in world.calls_since(max(start, request.now - HISTORY), end)
        if start < call.began(request.now, world.pace) <= end
    ]
    if descending(request):
        calls.reverse()
    return calls


def _page(world: World, request: Request, calls: list[Call]) -> Answer:
    return page(
        request,
        "calls",
        calls,
        lambda call: views.call(world, call, request.now, request.query),
    )


@performs("list_calls")
def list_calls(world: World, request: Request) -> Answer:
    return _page(world, request, _listed(world, request))


@performs("search_calls")
def search_calls(world: World, request: Request) -> Answer:
    query, calls = request.query, _listed(world, request)
    if "direction" in query:
        calls = [call for call in calls if call.direction == query["direction"]]
    if "user_id" in query:
        calls = [call for call in calls if call.user == query["user_id"]]
    if "phone_number" in query:
        digits = dialled(query["phone_number"])
        lines = {n.id for n in world.numbers.values() if dialled(n.digits) == digits}
        calls = [call for call in calls if call.number in lines or dialled(call.digits) == digits]
    if wanted := set(query.get("tags", ())):
        calls = [call for call in calls if wanted <= {tagging.tag for tagging in call.tags}]
    return _page(world, request, calls)


def _shown(world: World, request: Request, call: Call) -> Answer:
    return Answer(200, {"call": views.call(world, call, request.now, request.query)})


@performs("get_call")
def get_call(world: World, request: Request) -> Answer:
    return _shown(world, request, _call(world, request))


@performs("archive_call")
def archive_call(world: World, request: Request) -> Answer:
    call = _call(world, request)
    if call.status(request.now) != "done":
        raise bad("The call has not ended yet")
    call.archived = True
    return _shown(world, request, call).telling(call, "call.archived")


@performs("unarchive_call")
def unarchive_call(world: World, request: Request) -> Answer:
    call = _call(world, request)
    call.archived = False
    return _shown(world, request, call)


@performs("add_call_comment")
def add_call_comment(world: World, request: Request) -> Answer:
    call = _call(world, request)
    content = plain(request.body["content"])
    if not content:
        raise bad("content can't be blank")
    if len(call.comments) >= _MOST_COMMENTS:
        raise bad("Maximum of 5 notes can be added to a Call.")
    comment = Comment(world.next_id("comment"), content, int(request.now), None)
    call.comments = (*call.comments, comment)
    return Answer(201).telling(call, "call.commented")


@performs("add_call_tags")
def add_call_tags(world: World, request: Request) -> Answer:
    call = _call(world, request)
    tags: list[int] = request.body["tags"]
    if not tags:
        raise bad("tags can't be empty")
    if not world.tags.keys() >= set(tags):
        raise absent("Tag")
    known = {tagging.tag for tagging in call.tags}
    new = tuple(Tagging(tag, int(request.now), None) for tag in dict.fromkeys(tags))
    call.tags = (*call.tags, *(tagging for tagging in new if tagging.tag not in known))
    return Answer(201).telling(call, "call.tagged")


# steering


@performs("transfer_call")
def transfer_call(world: World, request: Request) -> Answer:
    call, body, now = _call(world, request), request.body, request.now
    status = call.status(now)
    if status == "done":
        raise bad("The call has already ended")
    if "dispatching_strategy" in body and "team_id" not in body:
        raise bad("dispatching_strategy is for teams only")
    if "number" in body:
        to = e164(body["number"], "number")
        if call.direction != "inbound" or status != "initial":
            raise bad("Only an inbound call that is not answered yet goes to an external number")
        call.external_to, call.transferred_by = to, call.user
        call.user, call.answered, call.ended, call.missed = None, None, int(now), None
        call.talk, call.recorded = -1, False
        return Answer(204).telling(call, "call.external_transferred")
    if "user_id" in body:
        target = world.users.get(body["user_id"])
        if target is None:
            raise absent("User")
        if target.id == call.user:
            raise bad("The call is with this user already")
    else:
        target = _teammate(world, body["team_id"], call, now)
    world.hand_over(call, target, now)
    return Answer(204).telling(call, "call.transferred")


def _teammate(world: World, team_id: int, call: Call, now: float) -> User:
    """Who of the team takes the call: the first that is free, else the first at all."""
    team = world.teams.get(team_id)
    if team is None:
        raise absent("Team")
    others = [user for user in views.members(world, team.users) if user.id != call.user]
    if not others:
        raise bad("The team has nobody else to take the call")
    free = (user for user in others if world.availability(user, now) == "available")
    return next(free, others[0])


def _recording(world: World, request: Request) -> Call:
    call = _call(world, request)
    if call.status(request.now) == "done":
        raise bad("The call has already ended")
    line = world.numbers.get(call.number)
    if line is None or not line.recorded:
        raise refused(405, "Recording is disabled on this number", success=False)
    return call


@performs("pause_call_recording")
def pause_call_recording(world: World, request: Request) -> Answer:
    _recording(world, request).paused = True
    return Answer(204)


@performs("resume_call_recording")
def resume_call_recording(world: World, request: Request) -> Answer:
    _recording(world, request).paused = False
    return Answer(204)


@performs("push_insight_card")
def push_insight_card(world: World, request: Request) -> Answer:
    call = _call(world, request)
    if call.status(request.now) == "done":
        raise bad("The call has already ended")
    if not request.body["contents"]:
        raise bad("contents can't be empty")
    if len(json.dumps(request.body)) > _LARGEST_CARD:
        raise bad("An insight card can't be larger than 10 KB")
    return Answer(201)


# forgetting


@performs("delete_call_recording")
def delete_call_recording(world: World, request: Request) -> Answer:
    """Done some minutes later; what is not there yet is not deleted."""
    call = _call(world, request)
    if call.recording_gone is None and world.has_recording(call, request.now):
        call.recording_gone = int(request.now) + world.pace.recording_deletion
    return Answer(204)


@performs("delete_call_voicemail")
def delete_call_voicemail(world: World, request: Request) -> Answer:
    call = _call(world, request)
    if call.voicemail_gone is None and world.has_voicemail(call, request.now):
        call.voicemail_gone = int(request.now) + world.pace.voicemail_deletion
    return Answer(204)
