"""The URIs at which events and calls can be read as resources."""

from __future__ import annotations

from typing import Final

EVENTS: Final = "aircall://events"
CALL: Final = "aircall://calls/"
"""What the URI of a call begins with; its id follows."""
