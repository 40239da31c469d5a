"""A tool is searched for, its schema loaded, a call placed and commented."""

from __future__ import annotations

from .teller import Teller
from .wishes import OPERATOR

CUSTOMER = "+14155551234"


async def operator(teller: Teller) -> None:
    """A tool found by intent, its schema loaded, a call placed, and a comment on it."""
    teller.wish(OPERATOR)
    found = await teller.call(
        "Which tool places a call?",
        "aircall_search",
        {"query": "place an outbound call"},
        show=lambda answer: [
            {key: match[key] for key in ("tool", "effect", "because")}
            for match in answer["matches"]
        ],
    )
    place: str = found["matches"][0]["tool"]
    await teller.call(
        "Load the schema of the first.",
        "aircall_describe",
        {"operation": place},
        show=lambda answer: {
            "required": answer["required"],
            "arguments": list(answer["input_schema"]["properties"]),
        },
    )
    placed = await teller.call(
        "Place the call. In the sandbox no real phone rings.",
        place,
        {"user": "user_42", "to": CUSTOMER},
        show=lambda answer: {
            "from": {key: answer["data"]["from"][key] for key in ("user", "number")},
            "call": {"id": answer["data"]["call"]["id"]},
        },
    )
    await teller.call(
        "Comment on it.",
        "aircall_write",
        {
            "operation": "add_call_comment",
            "arguments": {
                "call_id": placed["data"]["call"]["id"],
                "content": "auto-dialed by agent",
            },
        },
        show=lambda answer: answer["data"],
    )
