from __future__ import annotations

import builtins
import json
import socket
import time
from collections.abc import Iterable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aircall_mcp import spec
from aircall_mcp.ground.operation import Operation
from aircall_mcp.offer import Offer, Registry, Selection
from aircall_mcp.offer.tools import matches_of
from aircall_mcp.search import Index, Ranking
from aircall_mcp.search.model import FILE, unpacked

from .meant import serves

STRANGERS = Path(__file__).with_name("strangers.jsonl")

LONGEST_ANSWER = 0.05
"""Seconds that any text may take."""


@pytest.fixture(scope="module")
def index() -> Index:
    return Index(spec.load().operations)


def ids(ranking: Ranking) -> list[str]:
    return [match.operation.id for match in ranking.matches]


def test_every_operation_is_first_under_its_tool_name_its_id_and_its_route(index: Index) -> None:
    operations = spec.load().operations
    assert len(operations) > 100
    for operation in operations:
        names = [operation.tool, operation.id]
        if not operation.ours and not operation.retired:
            names.append(operation.route)
        for name in names:
            ranking = index.rank(name)
            assert ids(ranking)[0] == operation.id, name
            assert ranking.matches[0].score == 1
            assert ranking.confident


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("POST users calls", "start_outbound_call"),
        ("post /v1/users/123/calls", "start_outbound_call"),
        ("/v1/calls/search", "search_calls"),
        ("GET https://api.aircall.io/v1/calls/812/transcription?mode=x", "get_call_transcription"),
        ("DELETE /v1/teams/:team_id/users/<user_id>", "remove_user_from_team"),
        ("PATCH /v1/tags/12", "update_tag"),
        ("pause-recording", "pause_call_recording"),
        ("aircall_Get_Team", "get_team"),
        ("list users", "list_users_v2"),
        ("use aircall_get_call please", "get_call"),
    ],
)
def test_a_name_or_route_is_understood_however_it_is_written(
    index: Index, written: str, meant: str
) -> None:
    assert ids(index.rank(written))[0] == meant


@pytest.mark.parametrize(
    "query", ["GET /v1/calls/1/nothing", "DELETE /v1/everything", "aircall_nothing", "GET /"]
)
def test_a_name_or_route_of_nothing_is_not_taken_for_another(index: Index, query: str) -> None:
    ranking = index.rank(query)
    assert not ranking.confident
    assert "no tool or route" in ranking.hint


@pytest.mark.parametrize("query", ["24/7", "42", "+33199001234", "anna@acme.com"])
def test_a_value_alone_says_nothing(index: Index, query: str) -> None:
    ranking = index.rank(query)
    assert not ranking.confident
    assert "other words" in ranking.hint


@pytest.mark.parametrize("query", ["日本語の文", "удали", "كيف الحال"])
def test_what_holds_no_word_that_anybody_used_is_not_guessed_at(index: Index, query: str) -> None:
    ranking = index.rank(query)
    assert not ranking.confident
    assert "Too few of these words are known" in ranking.hint


@pytest.mark.parametrize("name", ["Lisa", "Nuit", "Bobs"])
def test_names_are_not_mended(index: Index, name: str) -> None:
    because = index.rank(f"hand this call over to {name}").matches[0].because
    assert set(because) <= {"hand", "this", "call", "over", name.lower()}


@pytest.mark.parametrize("route", ["GET /v1/users", "GET /v1/users/{id}", "POST /v1/users"])
def test_a_retired_route_gives_its_replacement_first(index: Index, route: str) -> None:
    ranking = index.rank(route)
    first, second = ranking.matches[:2]
    assert second.operation.retired is not None
    assert second.operation.retired.replacement == first.operation.id


@pytest.mark.parametrize(
    "query", ["list users", "invite a user", "v1 users", "live transcript", "legacy list of agents"]
)
def test_what_is_replaced_is_never_found_by_a_sentence(index: Index, query: str) -> None:
    retired = [
        m.operation.id for m in index.rank(query, 10).matches
        if m.operation.retired and m.operation.retired.replacement
    ]  # fmt: skip
    named = [name for name in retired if name.startswith("list_users") and query == "list users"]
    assert retired == named


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("the customer is about to read out her card number", "pause_call_recording"),
        ("is anybody of us free to pick up right now", "list_user_availabilities"),
        ("what exactly did she say, word by word", "get_call_transcription"),
        ("delet the webhok", "delete_webhook"),
        ("transfert l'appel à l'équipe support", "transfer_call"),
        ("¿qué etiquetas tenemos?", "list_tags"),
        ("Lösch den Kontakt aus dem Adressbuch", "delete_contact"),
        ("metti in pausa la registrazione", "pause_call_recording"),
        ("quais números são da empresa", "list_numbers"),
        ("nodig een nieuwe collega uit", "create_user_v2"),
    ],
)
def test_a_need_is_found_in_plain_words(index: Index, said: str, meant: str) -> None:
    ranking = index.rank(said)
    assert serves(ranking.matches[0].operation, [meant])
    assert ranking.confident
    assert ranking.matches[0].because


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("hang up the call", "No operation ends a live call"),
        ("list my SMS history", "gives no texts back"),
        ("merge two contacts", "cannot be merged"),
        ("change the opening hours of the hotline", "Opening hours"),
        ("add a public holiday", "Opening hours"),
        ("send an email to the customer", "no e-mail"),
        ("start a video call on Zoom", "no video"),
        ("set up a SIP trunk", "SIP trunks"),
        ("show our last invoice", "Invoices"),
        ("what is the weather in Lyon", "general knowledge"),
        ("raccroche", "No operation ends a live call"),
        ("fusiona los contactos duplicados", "cannot be merged"),
        ("Was kostet uns der Tarif?", "Invoices"),
    ],
)
def test_what_aircall_cannot_do_is_refused_with_the_reason(
    index: Index, said: str, why: str
) -> None:
    ranking = index.rank(said)
    assert not ranking.confident
    assert why in ranking.hint


def test_a_refusal_names_the_nearest_tool(index: Index) -> None:
    assert "aircall_add_call_tags" in index.rank("take the wrong label off this call").hint


@pytest.mark.parametrize("query", ["", "   ", "?!…", "qqqq zzzz", "\x00\x01", "12345"])
def test_nothing_said_is_nothing_sure(index: Index, query: str) -> None:
    ranking = index.rank(query)
    assert not ranking.confident
    assert ranking.hint


@pytest.mark.parametrize(
    ("said", "order"),
    [
        (
            "find the contact anna@acme.com, call her from Paul's line and tag the call as VIP",
            ["search_contacts", "start_outbound_call", "add_call_tags"],
        ),
        (
            "find Ana, call her from Paul's line and tag it follow_up",
            ["search_contacts", "start_outbound_call", "add_call_tags"],
        ),
        (
            "before you delete the recording of call 5, get me the transcript",
            ["get_call_transcription", "delete_call_recording"],
        ),
        ("archive call 5 after you add a comment", ["add_call_comment", "archive_call"]),
        (
            "archive l'appel 5 après avoir ajouté une note",
            ["add_call_comment", "archive_call"],
        ),
        ("create a team called Night, then add Tom to it", ["create_team", "add_user_to_team"]),
        ("delete the recording and delete the voicemail of the call",
         ["delete_call_recording", "delete_call_voicemail"]),
        ("invite Lena, dann füge sie dem Team Nord hinzu", ["create_user_v2", "add_user_to_team"]),
    ],
)  # fmt: skip
def test_several_needs_come_in_the_order_of_use(index: Index, said: str, order: list[str]) -> None:
    assert serves(index.rank(said, 1).matches[0].operation, order)
    ranking = index.rank(said, 5)
    assert [name for name in ids(ranking) if name in order] == order
    assert "order of use" in ranking.hint


def test_what_a_sentence_also_wants_beyond_the_needs_left_is_named(index: Index) -> None:
    ranking = index.rank("find Ana, call her from Paul's line and tag it follow_up", 1)
    assert ids(ranking) == ["place_call"]
    assert "aircall_start_outbound_call, aircall_add_call_tags" in ranking.hint


def test_nobody_is_called_and_nothing_deleted_because_it_goes_well_with_something(
    index: Index,
) -> None:
    for said in (
        "get the transcript and summary and action items of call 5",
        "show the call 5, then its topics and after that its evaluations",
        "list the tags and the teams, then the webhooks",
    ):
        ranking = index.rank(said, 3)
        effects = {match.operation.effect for match in ranking.matches}
        assert ranking.hint.startswith("Several needs")
        assert effects == {"read"}, said
        assert "delete" not in ranking.hint


@pytest.mark.parametrize(
    "said",
    [
        "tl;dr of the call please, then show the customer's card"
        " and did the rep follow the playbook?",
        "which note is on this campaign contact, then edit the profile through the old API"
        " and when was his calling list created",
        "is this number in proxy mode?, then did he mention the contract on that call"
        " and show the customer's card",
        "may we text from this number, then show user 456 and user with numbers embedded, old API",
    ],
)
def test_nobody_is_reached_for_what_sounds_a_little_like_it(index: Index, said: str) -> None:
    """Each of them has words of something that reaches people, and asks for nothing of the kind."""
    ranking = index.rank(said, 1)
    named = {o.tool: o.effect for o in spec.load().operations if o.tool in ranking.hint}
    assert ranking.hint.startswith("Several needs")
    assert named
    assert {*named.values(), ranking.matches[0].operation.effect} <= {"read", "write"}


def test_no_company_makes_anybody_be_called_or_anything_be_deleted() -> None:
    """However often people needed it together with what they ask for."""
    said = "get the transcript and summary and action items of call 5"
    asked = ("get_call_transcription", "get_call_summary", "get_call_action_items")
    operations = spec.load().operations
    grave = [o for o in operations if o.effect in ("reach", "delete") and not o.ours]
    assert {"start_outbound_call", "send_message", "delete_contact"} <= {o.id for o in grave}
    model = unpacked(files("aircall_mcp").joinpath("_compiled", FILE).read_bytes())
    for other in grave:
        model.company = {name: {name: 100, other.id: 100} for name in asked}
        ranking = Index(operations, model).rank(said, 4)
        assert ids(ranking)[0] == "call_brief", "it gathers them"
        assert {*ids(ranking)[1:]} == {*asked}, other.id
        assert ranking.hint.startswith("Several needs")
        assert other.tool not in ranking.hint
    model.company = {name: {name: 100, "list_tags": 100} for name in asked}
    assert "list_tags" in ids(Index(operations, model).rank(said, 5))  # as company is meant to do


def test_scores_are_probabilities_and_never_grow(index: Index) -> None:
    for said in (
        "tag this call as hot lead", "merge two contacts", "show the texts we received", "list",
        "wait until the call ends", "read", "search", "hang up",
    ):  # fmt: skip
        scores = [match.score for match in index.rank(said, 10).matches]
        assert scores == sorted(scores, reverse=True), said
        assert all(0 <= score <= 1 for score in scores)


@pytest.mark.parametrize("limit", [1, 3, 10])
def test_no_more_matches_come_than_are_asked_for(index: Index, limit: int) -> None:
    assert 1 <= len(index.rank("find the customer", limit).matches) <= limit
    assert len(index.rank("something with the phones, I forget what", limit).matches) == limit


def made(count: int) -> Iterable[Operation]:
    """Operations that no model has learned."""
    things = ("invoice", "parcel", "vehicle", "ticket", "booking", "meter", "badge", "room")
    acts = ("archive", "print", "approve", "weigh", "paint", "inspect", "rent", "seal")
    pattern = spec.load().operations[10]
    for n in range(count):
        act, thing = acts[n % 8], things[n // 8 % 8]
        yield replace(
            pattern,
            id=f"{act}_{thing}_{n}",
            tool=f"aircall_{act}_{thing}_{n}",
            path=f"/v1/{thing}s/{{id}}/{act}/{n}",
            title=f"{act.title()} a {thing}",
            summary=f"{act.title()} one {thing} of batch {n}.",
            utterances=(),
            retired=None,
        )


@pytest.mark.parametrize("count", [64, 300])
def test_operations_without_training_are_found_by_their_words(count: int) -> None:
    index = Index([*spec.load().operations, *made(count)])
    ranking = index.rank("please weigh the parcel")
    assert ids(ranking)[0].startswith("weigh_parcel")
    assert ids(index.rank("tag this call as hot lead"))[0] == "add_call_tags"


def test_a_registry_of_strangers_alone_is_ranked() -> None:
    assert ids(Index(made(40)).rank("seal the vehicle"))[0].startswith("seal_vehicle")


SEVERAL = "find Ana, call her from Paul's line and tag it follow_up"


@pytest.mark.parametrize("said", ["call me", SEVERAL])
def test_a_registry_of_nothing_answers_nothing(said: str) -> None:
    ranking = Index([]).rank(said)
    assert ranking.matches == ()
    assert not ranking.confident


def test_strangers_alone_are_ranked_for_several_needs_too() -> None:
    assert ids(Index(made(40)).rank(f"{SEVERAL}, then seal the vehicle"))


@pytest.mark.parametrize(("tools", "every"), [((), 1), (("ping",), 8)])
def test_the_answer_is_small(index: Index, tools: tuple[str, ...], every: int) -> None:
    """Also where the owner's selection leaves all of it out, which each match then says."""
    registry = Registry.of(spec.load())
    offered = Offer(registry, Selection(tools=tools))
    asked = [json.loads(line)["query"] for line in STRANGERS.read_text("utf-8").splitlines()]
    asked += [said for operation in registry.known for said in operation.utterances]
    assert len(asked) > 1_000
    for said in asked[::every]:
        found = matches_of(index.rank(said), offered=offered, known=registry.ids, surface="search")
        assert found["matches"] or not found["confident"], said
        for n, match in enumerate(found["matches"]):
            likely = found["confident"] or match["score"] > 0
            assert likely or "listed" in found["hint"], said
            assert ("input_schema" in match) == (n == 0 and likely), said
            match.pop("input_schema", None)
        assert len(json.dumps(found, ensure_ascii=False).encode()) < 2048, said


BOMBS = [
    "a" * 100_000,
    "a@" * 50_000,
    "+1 " * 33_000,
    "((((" * 25_000,
    "https://" + "/" * 99_000,
    "1-" * 50_000,
    "and " * 25_000,
    "é" * 100_000,
    "\ufdfa" * 100_000,
    "e\u0301\u0302" * 33_000,
    "GET /" + "a/" * 50_000,
    "x_" * 50_000,
    "don't " * 20_000,
    "\x00\x1f\x7f\u202e\ufeff" * 20_000,
    "qzxw " * 20_000,
    "\ud800" * 50_000,
    "then ".join(
        "call her tag it " + " ".join(f"qzw{letter}kvjxqpwznmkd" for letter in "abcdef")
        for _ in range(9)
    ),
]


@pytest.mark.parametrize("text", BOMBS, ids=range(len(BOMBS)))
def test_a_bomb_is_answered_in_time(index: Index, text: str) -> None:
    index.rank("warm")
    assert _seconds(index, text) < LONGEST_ANSWER


@given(st.text(max_size=2_500))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_is_answered_in_time(text: str) -> None:
    index = Index(spec.load().operations) if not _KEPT else _KEPT[0]
    _KEPT[:] = [index]
    assert 1 <= len(index.rank(text, 3).matches) <= 3
    assert _seconds(index, text) < LONGEST_ANSWER


_KEPT: list[Index] = []


def _seconds(index: Index, text: str) -> float:
    """The best of three: what the text costs, not what else the machine did."""
    taken: list[float] = []
    for _ in range(3):
        started = time.perf_counter()
        index.rank(text)
        taken.append(time.perf_counter() - started)
    return min(taken)


def test_ranking_reads_no_file_opens_no_socket_and_keeps_nothing(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("ranking is pure")

    first = index.rank("call Tom back tomorrow, then note it")
    monkeypatch.setattr(builtins, "open", forbidden)
    monkeypatch.setattr(Path, "open", forbidden)
    monkeypatch.setattr(socket, "socket", forbidden)
    monkeypatch.setattr(time, "time", forbidden)
    index.rank("something else in between")
    assert index.rank("call Tom back tomorrow, then note it") == first


def test_a_tool_that_does_the_whole_task_of_the_first_comes_before_it() -> None:
    known = {o.id: o for o in spec.load().operations}
    dials = replace(known["ping"], id="dials", tool="aircall_dials", method="",
                    stands_for=("start_outbound_call",))  # fmt: skip
    index = Index([*known.values(), dials])
    for said in ("call Maya", "ruf Maya an", "appelle Maya", "llama a Maya", "bel Maya"):
        ranking = index.rank(said)
        assert ids(ranking)[:2] == ["dials", "start_outbound_call"], said
        assert ranking.confident
        assert ranking.matches[0].score == ranking.matches[1].score
    assert "dials" not in ids(index.rank("delete the tag vip"))
    assert ids(index.rank("POST /v1/users/{id}/calls"))[0] == "start_outbound_call"
    offered = Offer(Registry(tuple(known.values())), Selection())
    found = matches_of(index.rank("call Maya"), offered=offered, known=known, surface="full")
    assert found["matches"][0]["tool"] == "aircall_start_outbound_call", "not what is not on offer"
