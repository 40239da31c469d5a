"""A call from a user found by e-mail: placed and tagged, in one tool call."""

from __future__ import annotations

from .teller import Teller
from .wishes import OUTBOUND

REP = "rep@example.com"
CUSTOMER = "+14155551234"


async def outbound(teller: Teller) -> None:
    """One task, one tool call: the user is found by e-mail, the call placed once and tagged."""
    teller.wish(OUTBOUND)
    teller.say("The model sees one tool for each whole task. This one needs one tool call.")
    placed = await teller.call(
        "Place it. In the sandbox no real phone rings.",
        "aircall_place_call",
        {"user": REP, "to": CUSTOMER, "tags": ["follow_up"]},
        show=lambda answer: {
            "from": {key: answer["data"]["from"][key] for key in ("user", "number")},
            "call": {"id": answer["data"]["call"]["id"]},
            "tagged": answer["data"]["tagged"],
        },
    )
    await teller.call(
        "This is the call at Aircall, read by an operation that has no tool of its own here.",
        "aircall_read",
        {"operation": "get_call", "arguments": {"call_id": placed["data"]["call"]["id"]}},
        show=lambda answer: {
            "user": answer["data"]["call"]["user"]["name"],
            "to": answer["data"]["call"]["raw_digits"],
            "tags": [tag["name"] for tag in answer["data"]["call"]["tags"]],
        },
    )
