"""Yesterday's transcripts searched for a phrase, and a recording paused and resumed."""

from __future__ import annotations

from .teller import Teller
from .wishes import REVIEW

PHRASE = "cancel my account"


async def review(teller: Teller) -> None:
    """Yesterday's transcripts searched for a phrase, and a recording paused and resumed."""
    teller.wish(REVIEW)
    await teller.call(
        "Read what was said, and flag what has the phrase: one call for all transcripts.",
        "aircall_scan_transcripts",
        {"user": "user_42", "period": "yesterday", "phrases": [PHRASE]},
        show=lambda answer: answer["data"],
    )
    listed = await teller.call(
        "Somebody is on the phone: the newest call.",
        "aircall_read",
        {"operation": "list_calls", "arguments": {"max_items": 1}},
        show=lambda answer: [
            {key: call[key] for key in ("id", "direction", "status")}
            for call in answer["data"]["calls"]
        ],
    )
    call_id = listed["data"]["calls"][0]["id"]
    for why, operation in (
        ("The customer reads out a card: pause the recording.", "pause_call_recording"),
        ("And let it go on.", "resume_call_recording"),
    ):
        await teller.call(
            why,
            "aircall_write",
            {"operation": operation, "arguments": {"call_id": call_id}},
            show=lambda answer: answer["data"],
        )
