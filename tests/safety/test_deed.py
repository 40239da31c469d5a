"""What a policy sees of a call: whom it reaches, from where, what it counts as."""

from __future__ import annotations

from typing import Any

import pytest

from aircall_mcp.ground.caller import Caller
from aircall_mcp.offer import Registry
from aircall_mcp.safety.deed import Deed, deed_of

ONE, TWO = "+33184880001", "+33184880002"
CALL = {"user_id": 5, "number_id": 2, "to": ONE}
WHATSAPP = {"lineId": 4, "to": ONE, "text": "Hello"}
PHONES = [{"label": "Work", "value": ONE}, {"label": "Home", "value": TWO}]
CONTACT = {"first_name": "Ann", "company_name": "33184880009", "phone_numbers": PHONES}
HOOK_ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
RING = {"agent_id": "a", "contact_phone": ONE, "idempotency_key": "k"}
HOOK = {"url": "https://Hooks.Acme.COM:8443/in", "events": ["call.created"]}


@pytest.mark.parametrize(
    ("operation", "arguments", "seen"),
    [
        ("start_outbound_call", CALL, {
            "recipients": (ONE,), "senders": (2,), "users": (5,), "counted": "calls"}),
        ("send_message", {"number_id": 2, "to": ONE, "body": "Hello"}, {
            "recipients": (ONE,), "senders": (2,), "counted": "texts"}),
        ("send_group_message", {"number_id": 2, "participants": [ONE, TWO, ONE], "body": "Hi"}, {
            "recipients": (ONE, TWO), "senders": (2,), "counted": "texts", "size": 2}),
        ("add_dialer_campaign_numbers", {"user_id": 5, "phone_numbers": [ONE, TWO]}, {
            "recipients": (ONE, TWO), "users": (5,), "counted": "calls", "size": 2}),
        ("send_whatsapp_message", WHATSAPP, {
            "recipients": (ONE,), "senders": (4,), "counted": "texts"}),
        # Whom it is about is not whom it goes to, and a user who is deleted calls nobody.
        ("search_calls", {"phone_number": ONE, "user_id": 5}, {}),
        ("search_contacts", {"phone_number": ONE}, {}),
        ("delete_user", {"user_id": 5}, {"counted": "deletions"}),
        ("create_contact", CONTACT, {"introduces": (ONE, TWO)}),
        ("add_contact_phone_number", {"contact_id": 1, "label": "33184880009", "value": ONE}, {
            "introduces": (ONE,)}),
        ("update_contact_phone_number", {"contact_id": 1, "detail_id": 3, "value": ONE}, {
            "introduces": (ONE,)}),
        ("update_contact", {"contact_id": 1, "last_name": "Boss"}, {"introduces": ("1",)}),
        ("update_contact", {"contact_id": 1, "information": "VIP"}, {}),
        ("create_webhook", HOOK, {"hosts": ("hooks.acme.com",)}),
        ("update_webhook", {"webhook_id": HOOK_ID, "active": True}, {"hosts": (None,)}),
        ("trigger_ai_voice_agent_call", RING, {
            "recipients": (ONE,), "counted": "calls", "lasting": 3600}),
        ("trigger_ai_voice_agent_call", {**RING, "expiration_seconds": 90}, {
            "recipients": (ONE,), "counted": "calls", "lasting": 90}),
        ("send_message", {"number_id": 2, "to": ONE, "body": "Hi", "mediaUrl": [HOOK["url"]]}, {
            "recipients": (ONE,), "senders": (2,), "counted": "texts"}),
        ("transfer_call", {"call_id": 1, "user_id": 5}, {"users": (5,)}),
    ],
    ids=str,
)  # fmt: skip
def test_it_is_seen_for_what_it_is(
    registry: Registry, operation: str, arguments: dict[str, Any], seen: dict[str, Any]
) -> None:
    bound = registry.ids[operation].bind(arguments)
    needs = (bound.operation.effect, *bound.stakes)
    found = deed_of(bound, Caller(principal="ann"), "acme")
    assert found == Deed(operation, bound.operation.toolset, needs, "acme", "ann", **seen)


def test_a_part_of_a_wish_reaches_as_many_as_all_of_it() -> None:
    alone = Deed("send_message", "messages", ("reach",), "acme", "ann", recipients=(ONE, TWO))
    part = Deed("send_message", "messages", ("reach",), "acme", "ann", (ONE,), together=7)
    assert (alone.reached, part.reached) == (2, 7)
