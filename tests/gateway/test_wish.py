"""One wish is one, however it is spelled; and another is another."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aircall_mcp.errors import ArgumentError, Duplicate
from aircall_mcp.gateway.gateway import Gateway
from aircall_mcp.gateway.journal import MIGRATIONS, Journal
from aircall_mcp.gateway.wish import folded, folded_url, told, wish_of
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.phones import e164, reached
from aircall_mcp.offer import Registry
from aircall_mcp.storage.state import InMemory

from ..harness import answering, gateway_to
from ..upstream import bound
from .wishes import Meaning, another, plain, spellings

MOBILES = st.integers(600_000_000, 699_999_999).map(lambda number: f"+33{number}")
WORDS = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=40)
MEANINGS = st.builds(
    Meaning,
    st.lists(MOBILES, min_size=1, max_size=4, unique=True).map(tuple),
    st.one_of(st.sampled_from(["We're late - 5 min", "ok", "Grüße, fine?"]), WORDS).filter(
        lambda text: bool(folded(text))
    ),
)
CALLS = MOBILES.map(lambda number: Meaning((number,)))


def wish(asked: tuple[str, dict[str, Any]]) -> str | None:
    """None where it is refused for its form."""
    try:
        return wish_of(bound(asked[0], **asked[1]))
    except ArgumentError:
        return None


@given(st.one_of(MEANINGS, CALLS), st.randoms())
def test_a_wish_has_one_name_in_every_spelling(meaning: Meaning, random: Random) -> None:
    name = wish(plain(meaning))
    for _ in range(5):
        asked = spellings(meaning, random)
        assert wish(asked) in (name, None), asked


@given(st.one_of(MEANINGS, CALLS), st.randoms())
def test_other_people_and_other_words_are_another(meaning: Meaning, random: Random) -> None:
    other = another(meaning, random)
    assert wish(plain(other)) != wish(plain(meaning)) is not None


@given(WORDS)
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert folded(folded(text)) == folded(text)
    assert told(told(text)) == told(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("start_outbound_call", {"user_id": 1, "number_id": 2, "to": "+33612345678"}),
         ("dial_number_in_workspace", {"user_id": 9, "to": "+33612345678"})),
        (("transfer_call", {"call_id": 1, "team_id": 5, "dispatching_strategy": "random"}),
         ("transfer_call", {"call_id": "1", "team_id": "05"})),
        (("create_user_v2", {"email": "Ana@Example.com", "first_name": "Ana", "last_name": "B"}),
         ("create_user_v1", {"email": "ana@example.com ", "first_name": "A", "last_name": "B",
                             "is_admin": False})),
        (("create_dialer_campaign", {"user_id": 1, "phone_numbers": ["+33612345678"]}),
         ("add_dialer_campaign_numbers", {"user_id": 1, "phone_numbers": ["+33612345678"] * 2})),
        (("send_whatsapp_message", {"lineId": 1, "to": "+33612345678", "templateParams": {
            "id": "t", "body": [{"key": "{{1}}", "value": "a"}, {"key": "{{2}}", "value": "b"}]}}),
         ("send_whatsapp_in_conversation", {"lineId": 1, "externalNumber": "+33612345678",
          "templateParams": {"id": "t", "body": [
              {"value": "B ", "key": "{{2}}"}, {"key": "{{1}}", "value": "A"}]}})),
        (("send_message", {"number_id": 1, "to": "+33612345678", "body": "a",
                           "mediaUrl": ["https://a.example.com/1.png", "https://b.example.com/%41"]}),
         ("send_message", {"number_id": 1, "to": "+33612345678", "body": "a",
                           "mediaUrl": ["https://B.example.com:443/A", "https://a.example.com/1.png"]})),
        (("create_contact", {"phone_numbers": [{"label": "Work", "value": "+33 6 12 34 56 78"}]}),
         ("create_contact", {"phone_numbers": [{"value": "0033612345678", "label": "work"}],
                             "emails": [], "last_name": None, "information": ""})),
        (("add_call_tags", {"call_id": 7, "tags": [1, 2]}),
         ("add_call_tags", {"call_id": 7, "tags": [2, 1, 1]})),
        (("trigger_ai_voice_agent_call", {"agent_id": "a", "contact_phone": "+33612345678",
          "idempotency_key": "1", "context": {"n": 1, "name": "Ana", "x": ""}}),
         ("trigger_ai_voice_agent_call", {"agent_id": "b", "contact_phone": "+33612345678",
          "idempotency_key": "2", "context": {"name": "ANA", "n": "1"}})),
    ],
    ids=lambda asked: asked[0],
)  # fmt: skip
def test_neighbours_and_what_says_nothing(one: Any, other: Any) -> None:
    assert wish(one) == wish(other) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("start_outbound_call", {"user_id": 1, "number_id": 2, "to": "+33612345678"}),
         ("send_message", {"number_id": 2, "to": "+33612345678", "body": "a"})),
        (("transfer_call", {"call_id": 1, "team_id": 5}),
         ("transfer_call", {"call_id": 1, "user_id": 5})),
        (("create_dialer_campaign", {"user_id": 1, "phone_numbers": ["+33612345678"]}),
         ("create_dialer_campaign", {"user_id": 2, "phone_numbers": ["+33612345678"]})),
        (("push_insight_card", {"call_id": 1, "contents": [
            {"type": "title", "text": "a"}, {"type": "title", "text": "b"}]}),
         ("push_insight_card", {"call_id": 1, "contents": [
             {"type": "title", "text": "b"}, {"type": "title", "text": "a"}]})),
        (("send_message", {"number_id": 1, "to": "+33612345678", "body": "a",
                           "mediaUrl": ["https://a.example.com/a"]}),
         ("send_message", {"number_id": 1, "to": "+33612345678", "body": "a",
                           "mediaUrl": ["https://a.example.com/A"]})),
        (("trigger_ai_voice_agent_call", {"agent_id": "a", "contact_phone": "+33612345678",
          "idempotency_key": "1", "context": {"name": "Ana"}}),
         ("trigger_ai_voice_agent_call", {"agent_id": "a", "contact_phone": "+33612345678",
          "idempotency_key": "1", "context": {"name": "Bob"}})),
        (("create_tag", {"name": "a", "color": "#123456"}),
         ("create_tag", {"name": "b", "color": "#123456"})),
        (("create_tag", {"name": "a b", "color": "#123456"}),
         ("create_tag", {"name": "ab", "color": "#123456"})),
        (("create_user_v2", {"email": "a--b@example.com", "first_name": "A", "last_name": "B"}),
         ("create_user_v2", {"email": "a-b@example.com", "first_name": "A", "last_name": "B"})),
    ],
    ids=lambda asked: asked[0],
)  # fmt: skip
def test_what_is_another(one: Any, other: Any) -> None:
    assert wish(one) is not None
    assert wish(one) != wish(other)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+33 (0)6 12-34.56 78", "+33612345678"), ("0033612345678", "+33612345678"),
        ("+330612345678", "+33612345678"), ("33612345678", "+33612345678"),
        ("\u202a\uff0b\u0663\u0663 612345678\u202c", "+33612345678"),
        ("+52 1 55 1234 5678", "+525512345678"), ("+54 9 11 2345 6789", "+541123456789"),
        ("+54 11 15 2345 6789", "+541123456789"),
        ("+39 06 6982", "+39066982"), ("1 (415) 555-0133", "+14155550133"),
        ("+55 31 8765 4321", "+5531987654321"), ("+55 31 98765 4321", "+5531987654321"),
        ("+55 31 3765 4321", "+553137654321"),
        ("06 12 34 56 78", "0612345678"), ("+999 123456789", "999123456789"),
        ("1-800-FLOWERS", "1-800-flowers"), ("", ""), ("9" * 101, "9" * 101),
    ],
)  # fmt: skip
def test_a_phone_number_is_what_is_dialled(text: str, number: str) -> None:
    assert e164(text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+336123456789", "+33612345678"), ("+33612345678", "+33612345678"),
        ("+330061234567800", "+33612345678"), ("+141555501331234", "+14155550133"),
        ("+390549886377", "+3780549886377"), ("+39054988637799", "+3780549886377"),
        ("+999123456789", "999123456789"), ("0612345678", "0612345678"),
        ("+3361234567", "+3361234567"), ("", ""),
    ],
)  # fmt: skip
def test_who_is_reached_is_whose_phone_rings(text: str, number: str) -> None:
    """Of digits too many a network takes no notice."""
    assert reached(text) == number


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("We\u00b4re late !", "we're late!", True),
        ("We \u0301re late", "we're late", True),
        ("We\u0384re late", "we're late", True),
        ("\u0301late", "\u0301 late", True),
        ("late\u20145 min", "Late - 5 min", True),
        ("5\u20ac , \u2039fine\u203a", '5 \u20ac,"fine"', True),
        ("late -- 5 min", "late \u301c \u0665 min", True),
        ("We're\u2800late", "We're late", True),  # a gap that is no space
        ("1 23", "12 3", False),
        ("\u0661 23", "12 3", False),
        (
            "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
            "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
            False,
        ),  # England and Scotland
    ],
)
def test_words_are_what_is_read(one: str, other: str, same: bool) -> None:
    assert (told(one) == told(other)) is same


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://example.com/a/../b/./%2e/c", "https://example.com/b/c", True),
        ("https://example.com/../a/..", "https://example.com", True),
        ("https://example.com/a//b", "https://example.com/a/b", False),
        ("HTTPS://Example.com:443", "https://example.com./#top", True),
        ("https://example.com/a%2fb", "https://example.com/a%2Fb", True),
        ("https://example.com/a%2Fb", "https://example.com/a/b", False),
        ("https://example.com/?a=1", "https://example.com/?a=2", False),
        ("https://[", "https://[ ", True),
        ("no address", "No  address", True),
    ],
)
def test_an_address_is_where_it_leads(one: str, other: str, same: bool) -> None:
    assert (folded_url(one) == folded_url(other)) is same


@settings(max_examples=25, deadline=None)
@given(MEANINGS, st.randoms())
def test_one_request_leaves_for_a_wish_and_one_for_another(
    meaning: Meaning, random: Random
) -> None:
    app, asked = answering(200, {"id": "m"})

    async def send(gateway: Gateway, wanted: tuple[str, dict[str, Any]]) -> None:
        await gateway.send(bound(wanted[0], **wanted[1]), Caller())

    async def tried() -> None:
        gateway = gateway_to(app, journal=Journal(lambda: InMemory(MIGRATIONS)))
        try:  # hypothesis breaks off in the middle, too
            await send(gateway, plain(meaning))
            for _ in range(4):
                with pytest.raises((ArgumentError, Duplicate)):
                    await send(gateway, spellings(meaning, random))
            assert len(asked) == 1
            await send(gateway, plain(another(meaning, random)))
            assert len(asked) == 2
        finally:
            await gateway.aclose()

    asyncio.run(tried())
    assert len(asked) == 2


def test_the_examples_of_neighbours_are_wishes_of_their_own(registry: Registry) -> None:
    """So that a user who tries one after the other finds each done."""
    effects = [one for one in registry.ids.values() if one.repeatable == "never" and one.method]
    names = [wish_of(one.bind(one.example)) for one in effects]
    assert len(set(names)) == len(effects) > 25
