"""How often a webhook is replaced without a person: a few times a day.

Whoever changes it again each time would have us make webhooks at Aircall for ever.
"""

from __future__ import annotations

from dataclasses import replace

from ..ground.clock import Clock
from ..ground.times import iso
from .log import EventLog
from .registrations import Subscription
from .webhooks import Webhook

MOST = 3
"""Times in a day that one webhook is replaced without a person."""
DAY = 86_400.0


class Replacements:
    """Counted in the event log, over all that came in each other's place. All methods raise
    `StoreError`."""

    def __init__(self, events: EventLog, clock: Clock) -> None:
        self._events = events
        self._clock = clock

    async def spent(self, webhook: Webhook) -> float | None:
        """Until when it is not replaced again without a person, None if it may be."""
        since = self._clock.wall() - DAY
        known = self._events.webhooks
        times = await self._events.aside(lambda: known.replaced(webhook.name, since=since))
        return times[-MOST] + DAY if len(times) >= MOST else None

    async def told(self, found: Subscription) -> Subscription:
        """`found`, with a word of what is left to a person where it is not replaced again."""
        until = await self.spent(found.webhook)
        if until is None:
            return found
        said = f"{found.fault or 'it was changed'}; replaced {MOST} times within a day"
        by_hand = f"aircall-mcp webhooks rotate {found.webhook.name}"
        return replace(found, fault=f"{said}, so not before {iso(until)}", next=by_hand)
