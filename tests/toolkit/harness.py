"""What tests of the toolkit share."""

from __future__ import annotations

from typing import Any

from aircall_mcp import Toolkit

Json = dict[str, Any]

KNOWN = "+14155550143"
TEXT = {"to": "+12125550123", "body": "Your order is on its way."}


async def line_of(aircall: Toolkit) -> int:
    """One that texts may be sent from."""
    assert (await aircall.execute("list_numbers"))["data"]["numbers"]
    return aircall.load("send_message").example["number_id"]


def asking(home: dict[str, str], **more: Any) -> Toolkit:
    return Toolkit.sandbox(ask=True, environment=home, **more)
