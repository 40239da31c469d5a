"""Users, their availability, teams, and the company with its integration."""

from __future__ import annotations

import re
from collections.abc import Mapping

from . import views
from .deed import EMAIL, Answer, Json, Refusal, Request, absent, bad, e164, performs, refused
from .entities import Number, Team, User
from .paging import descending, page, within
from .world import World

_CREATED = ("user.created", "user.created.v2")
_FIELDS = {
    "first_name": "first_name",
    "last_name": "last_name",
    "availability_status": "availability_status",
    "substatus": "substatus",
    "wrap_up_time": "wrap_up",
    "time_zone": "time_zone",
    "language": "language",
}


@performs("ping")
def ping(_world: World, _request: Request) -> Answer:
    return Answer(200, {"ping": "pong"})


@performs("get_api_root", unsigned=True)
def get_api_root(_world: World, _request: Request) -> Answer:
    return Answer(200, {"resource": "Aircall Documentation", "contact": "support@aircall.io"})


def _user(world: World, request: Request, name: str = "id") -> User:
    user = world.user_by(request.path[name])
    if user is None:
        raise absent("User")
    return user


def _users(world: World, request: Request) -> list[User]:
    return within(request, world.users.values(), lambda user: user.created)


@performs("list_users_v1")
def list_users_v1(world: World, request: Request) -> Answer:
    return page(request, "users", _users(world, request), lambda one: views.user_v1(world, one))


@performs("list_users_v2")
def list_users_v2(world: World, request: Request) -> Answer:
    return page(request, "users", _users(world, request), lambda one: views.user(world, one))


@performs("get_user_v1")
def get_user_v1(world: World, request: Request) -> Answer:
    return Answer(200, {"user": views.user_v1(world, _user(world, request))})


@performs("get_user_v2")
def get_user_v2(world: World, request: Request) -> Answer:
    return Answer(200, {"user": views.user(world, _user(world, request))})


def _create(world: World, request: Request) -> User:
    body = request.body
    if not EMAIL.fullmatch(body["email"]):
        raise bad("email must be a valid e-mail address")
    if world.user_by(body["email"]) is not None:
        raise bad("email has already been taken")
    inviter = body.get("inviter_user_id")
    if inviter is not None and inviter not in world.users:
        raise bad("inviter_user_id names no user")
    # somebody who was only invited has not opened the app yet
    user = User(world.next_id("user"), "", "", body["email"], request.now, connected=False)
    _change(user, body)
    world.users[user.id] = user
    return user


def _change(user: User, given: Mapping[str, object]) -> None:
    for name, attribute in _FIELDS.items():
        if name in given:
            setattr(user, attribute, given[name])


@performs("create_user_v1")
def create_user_v1(world: World, request: Request) -> Answer:
    _refuse_blank(request)
    user = _create(world, request)
    return Answer(201, {"user": views.user_v1(world, user)}).telling(user, *_CREATED)


@performs("create_user_v2")
def create_user_v2(world: World, request: Request) -> Answer:
    _refuse_blank(request)
    user = _create(world, request)
    return Answer(201, {"user": views.user(world, user)}).telling(user, *_CREATED)


def _update(world: World, request: Request) -> User:
    user = _user(world, request)
    _refuse_blank(request)
    if "availability_status" in request.body:
        user.substatus = ""
    _change(user, request.body)
    return user


def _refuse_blank(request: Request) -> None:
    for name in ("first_name", "last_name"):
        if name in request.body and not request.body[name].strip():
            raise bad(f"{name} can't be blank")
    if not 0 <= request.body.get("wrap_up_time", 0) <= 3600:
        raise bad("wrap_up_time must be between 0 and 3600")
    zone = request.body.get("time_zone", "Etc/UTC")
    if not re.fullmatch(r"[A-Z][A-Za-z_]+(/[A-Z][A-Za-z_+\-0-9]+){0,2}", zone):
        raise bad("time_zone must be an IANA time zone")


@performs("update_user_v1")
def update_user_v1(world: World, request: Request) -> Answer:
    return Answer(200, {"user": views.user_v1(world, _update(world, request))})


@performs("update_user_v2")
def update_user_v2(world: World, request: Request) -> Answer:
    return Answer(200, {"user": views.user(world, _update(world, request))})


@performs("delete_user")
def delete_user(world: World, request: Request) -> Answer:
    user = _user(world, request)
    del world.users[user.id]
    world.dialers.pop(user.id, None)
    for holder in (*world.teams.values(), *world.numbers.values()):
        if user.id in holder.users:
            holder.users.remove(user.id)
    return Answer(204).telling(user, "user.deleted", "user.deleted.v2")


@performs("list_user_numbers")
def list_user_numbers(world: World, request: Request) -> Answer:
    user = _user(world, request)
    numbers = [number for number in world.numbers.values() if user.id in number.users]
    return page(request, "numbers", numbers, lambda one: views.number(world, one))


@performs("list_user_availabilities")
def list_user_availabilities(world: World, request: Request) -> Answer:
    def row(user: User) -> Json:
        return {"id": user.id, "availability": world.availability(user, request.now)}

    return page(request, "users", _users(world, request), row)


@performs("get_user_availability")
def get_user_availability(world: World, request: Request) -> Answer:
    user = _user(world, request)
    return Answer(200, {"availability": world.availability(user, request.now)})


# calling


def unavailable() -> Refusal:
    return refused(405, "The user is currently unavailable", success=False)


@performs("start_outbound_call")
def start_outbound_call(world: World, request: Request) -> Answer:
    user = _user(world, request)
    number = _line(world, request, user)
    to = e164(request.body["to"], "to")
    if world.availability(user, request.now) != "available":
        raise unavailable()
    world.dial(user, number, to, request.now)
    return Answer(204)


def _line(world: World, request: Request, user: User) -> Number:
    number = world.numbers.get(request.body["number_id"])
    if number is None:
        raise bad("number_id names no number of your company")
    if user.id not in number.users:
        raise bad("number_id names a number the user is not assigned to")
    return number


@performs("dial_number_in_workspace")
def dial_number_in_workspace(world: World, request: Request) -> Answer:
    user = _user(world, request)
    e164(request.body["to"], "to")
    if world.availability(user, request.now) != "available":
        raise unavailable()
    return Answer(204)


# teams


def _team(world: World, request: Request, name: str) -> Team:
    team = world.teams.get(request.path[name])
    if team is None:
        raise absent("Team")
    return team


@performs("list_teams")
def list_teams(world: World, request: Request) -> Answer:
    teams = sorted(world.teams.values(), key=lambda team: team.created, reverse=descending(request))
    return page(request, "teams", teams, lambda one: views.team(world, one))


@performs("get_team")
def get_team(world: World, request: Request) -> Answer:
    return Answer(200, {"team": views.team(world, _team(world, request, "id"))})


@performs("create_team")
def create_team(world: World, request: Request) -> Answer:
    name: str = request.body["name"].strip()
    if not name:
        raise bad("name can't be blank")
    if any(team.name.lower() == name.lower() for team in world.teams.values()):
        raise bad("name has already been taken")
    team = Team(world.next_id("team"), name, request.now)
    world.teams[team.id] = team
    return Answer(201, {"team": views.team(world, team)}).telling(team, "team.created")


@performs("delete_team")
def delete_team(world: World, request: Request) -> Answer:
    team = _team(world, request, "id")
    del world.teams[team.id]
    return Answer(204).telling(team, "team.destroyed")


@performs("add_user_to_team")
def add_user_to_team(world: World, request: Request) -> Answer:
    team, user = _team(world, request, "team_id"), _user(world, request, "user_id")
    if user.id in team.users:
        raise refused(422, "The user is already in this team")
    team.users.append(user.id)
    return Answer(201, {"team": views.team(world, team)})


@performs("remove_user_from_team")
def remove_user_from_team(world: World, request: Request) -> Answer:
    team, user = _team(world, request, "team_id"), _user(world, request, "user_id")
    if user.id not in team.users:
        raise refused(422, "The user is not in this team")
    team.users.remove(user.id)
    return Answer(200, {"team": views.team(world, team)})


# the company


@performs("get_company")
def get_company(world: World, _request: Request) -> Answer:
    company: Json = {
        "name": world.company,
        "users_count": len(world.users),
        "numbers_count": len(world.numbers),
    }
    return Answer(200, {"company": company})


def _integration(world: World) -> Answer:
    one = world.integration
    installer = world.users.get(one.user) if one.user is not None else None
    shown: Json = {
        "name": one.name,
        "custom_name": None,
        "logo": "https://media.aircall.example/logo.png",
        "company_id": 60_417,
        "status": "installed",
        "active": one.active,
        "number_ids": list(one.numbers),
        "numbers_count": len(one.numbers),
        "user": views.brief_user(world, installer) if installer else None,
    }
    return Answer(200, {"integration": shown})


@performs("get_integration")
def get_integration(world: World, _request: Request) -> Answer:
    return _integration(world)


@performs("enable_integration")
def enable_integration(world: World, _request: Request) -> Answer:
    world.integration.active = True
    return _integration(world)


@performs("disable_integration")
def disable_integration(world: World, _request: Request) -> Answer:
    world.integration.active = False
    return _integration(world)
