"""A call from a user found by e-mail: placed, tagged, commented."""

from __future__ import annotations

from typing import Any

from .teller import Json, Teller


async def outbound(teller: Teller, client: Any) -> None:
    """Find a tool by intent, place a call from a user found by e-mail, tag it, comment on it."""
    found = await teller.call(
        "The model asks in plain words which tool places a call.",
        "aircall_search",
        {"query": "place an outbound call"},
        show=lambda answer: {
            "confident": answer["confident"],
            "matches": [
                {key: match[key] for key in ("tool", "effect", "because")}
                for match in answer["matches"]
            ],
        },
    )
    place = found["matches"][0]["tool"]
    listed = {tool.name: tool for tool in (await client.list_tools()).tools}
    teller.console.print(f"\n[bold]   It loads {place} (of {len(listed)} tools):[/]")
    teller.console.print(f"   {listed[place].description}", markup=False)
    people = await teller.call(
        "Who is there to call from? The company's users:",
        "aircall_list_users_v2",
        {"max_items": 6},
        show=lambda answer: [
            {key: user.get(key) for key in ("id", "name", "email", "availability_status")}
            for user in answer["data"]["users"]
        ],
    )
    free = await _free_user(client, people["data"]["users"])
    user = await teller.call(
        "The person asked for is known by e-mail.",
        "aircall_get_user_v2",
        {"user_id": free["email"]},
        show=lambda answer: answer["data"]["user"],
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
        show=lambda answer: answer,
    )
    calls = await teller.call(
        "Aircall returns no id for a new call; the newest in the list is it.",
        "aircall_list_calls",
        {"max_items": 1},
        show=lambda answer: answer,
    )
    call_id = calls["data"]["calls"][0]["id"]
    tags = await teller.call(
        "Tags are attached by id, so look the ids up.",
        "aircall_list_tags",
        {},
        show=lambda answer: {tag["name"]: tag["id"] for tag in answer["data"]["tags"]},
    )
    tag = next(tag for tag in tags["data"]["tags"] if tag["name"] == "follow_up")
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
        show=lambda answer: answer["data"]["call"],
    )


async def _free_user(client: Any, users: list[Json]) -> Json:
    """A user who could take a call now; the demo must not depend on who is at lunch."""
    result = await client.call_tool("aircall_list_user_availabilities", {})
    states = {row["id"]: row["availability"] for row in result.structured_content["data"]["users"]}
    return next(user for user in users if states.get(user["id"]) == "available")
