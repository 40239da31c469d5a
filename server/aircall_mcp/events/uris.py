"""Where what was told can be read."""

from __future__ import annotations

from typing import Final

EVENTS: Final = "aircall://events"
CALL: Final = "aircall://calls/"
"""What the URI of a call begins with; its id follows."""
