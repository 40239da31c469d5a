"""Which words of an answer are a stranger's: whatever people write bears the mark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from aircall_mcp import spec

Json = dict[str, Any]

DOCUMENT = spec.document()
TECHNICAL = frozenset({
    "agent_id", "ai_voice_agent_id", "ai_voice_agent_session_id", "aircall_number",
    "aiva_agent_id", "branch", "businessVerificationStatus", "call_id", "call_uuid",
    "caller_id_strategy", "campaign_id", "category", "color", "company_id", "contact", "cost",
    "country", "country_code_a2", "created_at", "currentToken", "dateBreakdown", "destination",
    "digits", "direction", "end_reason", "ended_at", "error", "errorMessage", "errors", "event",
    "event_name", "extension", "external_caller_number", "external_number",
    "external_transferred_to", "file_type", "format", "hangup_cause", "id", "integration_id",
    "international_format", "key", "language", "message", "messagingLimitTier", "nextToken",
    "number", "number_id", "outcome_id", "parent_id", "phone_number", "ping", "polarity",
    "pricing_type", "qualityRating", "raw_digits", "recipient_country", "registration_status",
    "resource", "ringAttemptOrigin", "sid", "started_at", "state", "status", "substatus",
    "teamFilterOption", "time_zone", "timezone", "token_type", "troubleshoot", "type",
    "updated_at", "user_id", "uuid", "value", "wabaId",
})  # fmt: skip
"""Ids, words of Aircall's own, phone numbers, addresses and times; and what an error says, which is
told as Aircall's."""
INCOMING = frozenset({"AccessToken", "CodeExchange"})
"""What is exchanged for a token, and no model sees."""


def texts(part: Any, holder: str) -> Iterator[tuple[str, str, Json]]:
    """Every text of a schema that can be any: what holds it, its name and what is said of it."""
    if isinstance(part, list):
        for item in cast("list[Any]", part):
            yield from texts(item, holder)
    if not isinstance(part, dict):
        return
    fields = cast("Json", part)
    named: Any = fields.get("properties")
    for name, child in cast("Json", named).items() if isinstance(named, dict) else ():
        kinds: Any = child.get("type")
        if "string" not in (kinds if isinstance(kinds, list) else [kinds]):
            continue
        if not child.keys() & {"enum", "format", "pattern", "const"}:
            yield holder, name, child
    for child in fields.values():
        yield from texts(child, holder)


def test_every_text_that_people_write_is_marked_as_theirs() -> None:
    schemas: dict[str, Any] = DOCUMENT["components"]["schemas"]
    answered = [
        one
        for name, schema in schemas.items()
        if not name.endswith("Request") and name not in INCOMING
        for one in texts(schema, name)
    ]
    assert len(answered) > 150
    unmarked = {
        f"{holder}.{name}"
        for holder, name, said in answered
        if name not in TECHNICAL and not said.get("x-free-text") and not said.get("x-secret")
    }
    assert unmarked == set()


def test_names_companies_tags_templates_and_campaigns_bear_the_mark_of_comments() -> None:
    strangers = {one.id: one.answer.strangers for one in spec.load().operations}
    for operation, names in {
        "get_call": {"name", "first_name", "last_name", "company_name", "content"},
        "list_contacts": {"first_name", "last_name", "company_name", "information"},
        "list_tags": {"name", "description"},
        "list_teams": {"name"},
        "get_company": {"name"},
        "list_whatsapp_templates": {"name"},
        "create_campaign": {"name", "description"},
        "list_sms_templates": {"name", "body"},
        "list_webhooks": {"custom_name"},
    }.items():
        assert names <= strangers[operation], operation
