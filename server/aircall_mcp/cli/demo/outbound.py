"""A call from a user found by e-mail: placed, tagged, commented."""

from __future__ import annotations

import re

from .teller import Json, Teller

REP = "rep@example.com"


async def outbound(teller: Teller) -> None:
    """Find a tool by intent, place a call from a user found by e-mail, tag it, comment on it."""
    found = await teller.call(
        "The model asks in plain words which tool places a call.",
        "aircall_search",
        {"query": "place an outbound call"},
        show=lambda answer: [
            {key: match[key] for key in ("tool", "effect", "because")}
            for match in answer["matches"]
        ],
    )
    place = found["matches"][0]["tool"]
    listed = {tool.name: tool for tool in (await teller.client.list_tools()).tools}
    summary = re.split(r"[.:] ", listed[place].description or "", maxsplit=1)[0]
    teller.say(f"It loads the first, of {len(listed)} tools: {summary}.")
    user = await teller.call(
        "The person to call from is known by e-mail.",
        "aircall_get_user_v2",
        {"user_id": REP},
        show=lambda answer: [
            {key: answer["data"]["user"][key] for key in ("id", "name", "availability_status")}
        ],
    )
    user_id = user["data"]["user"]["id"]
    numbers = await teller.call(
        "Which of the company's numbers may this user call from?",
        "aircall_list_user_numbers",
        {"user_id": user_id},
        show=lambda answer: [
            {key: number[key] for key in ("id", "name", "digits")}
            for number in answer["data"]["numbers"]
        ],
    )
    await teller.call(
        "Place the call. In the sandbox no real phone rings.",
        place,
        {
            "user_id": user_id,
            "number_id": numbers["data"]["numbers"][0]["id"],
            "to": "+33199001234",
        },
        show=lambda answer: answer["notes"],
    )
    calls = await teller.call(
        "Aircall gives a new call no id: the newest listed is it.",
        "aircall_list_calls",
        {"max_items": 1},
        show=lambda answer: [
            {key: call[key] for key in ("id", "direction", "status", "raw_digits")}
            for call in answer["data"]["calls"]
        ],
    )
    call_id = calls["data"]["calls"][0]["id"]
    tags = await teller.call(
        "Tags are attached by id: which one is follow_up?",
        "aircall_list_tags",
        {},
        show=lambda answer: [
            {key: tag[key] for key in ("id", "name", "color")} for tag in named(answer, "follow_up")
        ],
    )
    (tag,) = named(tags, "follow_up")
    await teller.call(
        "Tag it.",
        "aircall_add_call_tags",
        {"call_id": call_id, "tags": [tag["id"]]},
        show=lambda answer: answer["data"],
    )
    await teller.call(
        "Leave a note for the team.",
        "aircall_add_call_comment",
        {"call_id": call_id, "content": "Asked for a quote; call back on Thursday."},
        show=lambda answer: answer["data"],
    )
    await teller.call(
        "And this is the call now.",
        "aircall_get_call",
        {"call_id": call_id},
        show=lambda answer: {
            key: answer["data"]["call"][key] for key in ("user", "tags", "comments")
        },
    )


def named(answer: Json, name: str) -> list[Json]:
    return [tag for tag in answer["data"]["tags"] if tag["name"] == name]
