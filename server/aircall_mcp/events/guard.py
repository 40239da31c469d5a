"""Prevent operations from changing our own webhooks: whoever changes one learns its token.

Asked before every effect. It has a say where the path leads to one webhook, or to the registration
of a number for texting; which of them are ours the event log knows. One that is being made has no
id yet, and is known by where it leads. Whatever is allowed here, a person's own command is the only
way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

from ..errors import NotAllowed, StoreError
from ..gateway.ask import Aircall, Sends
from ..ground.caller import Caller
from ..ground.operation import Bound, Operation

if TYPE_CHECKING:
    from .log import EventLog
    from .webhooks import Webhook

_WEBHOOK = re.compile(r"/v[0-9]+/webhooks/([^/]+)")
_NUMBER = re.compile(r"/v[0-9]+/numbers/([^/]+)/messages/configuration")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Guard:
    """Raises `NotAllowed` for what would change a webhook of ours, and does nothing else."""

    def __init__(
        self,
        events: Callable[[], EventLog],
        gateway: Sends,
        operations: Mapping[str, Operation],
    ) -> None:
        self._events = events
        self._aircall = Aircall(gateway, operations, fresh=True)

    async def __call__(self, bound: Bound, caller: Caller) -> None:
        """Raises besides what the gateway raises, where it has to ask which webhook is meant."""
        if caller.person or bound.operation.effect == "read":
            return
        by_id, by_number = _WEBHOOK.fullmatch(bound.path), _NUMBER.fullmatch(bound.path)
        if by_id is None and by_number is None:
            return
        try:
            events = self._events()
            # In this order: what is opened in between is seen at least once.
            standing = await events.aside(events.webhooks.standing)
            webhooks = await events.aside(events.webhooks.active)
        except StoreError as error:
            raise NotAllowed(
                f"{bound.operation.tool} was not sent: whether this is a webhook of this server"
                f" could not be checked. {error.message}",
                hint=f"{error.hint} A person looks with `aircall-mcp webhooks status`.".strip(),
            ) from None
        making = [webhook for webhook in standing if not webhook.made]
        if by_number is not None:
            ours = {webhook.aircall_id: webhook for webhook in (*making, *webhooks)}
            webhook = ours.get(f"number {unquote(by_number[1])}")
        else:
            spelled = unquote(cast("re.Match[str]", by_id)[1])
            webhook = await self._webhook(bound, spelled, webhooks, making)
        if webhook is not None:
            raise _refusal(bound.operation, webhook)

    async def _webhook(
        self, bound: Bound, spelled: str, webhooks: list[Webhook], making: list[Webhook]
    ) -> Webhook | None:
        """The one of `webhooks` that is meant, or of those that are being made, whose ids nobody
        knows yet. Aircall takes an id in more than one spelling, so it says itself which webhook an
        odd one leads to, and where that leads."""
        ours = {webhook.aircall_id.lower(): webhook for webhook in webhooks}
        if spelled.lower() in ours:
            return ours[spelled.lower()]
        plain = all(map(_UUID.fullmatch, (spelled.lower(), *_webhooks(ours))))
        if not making and (plain or not ours):
            return None
        asking = self._aircall.by(Caller(interface="webhooks", account=bound.account))
        body = _fields((await asking.ask("get_webhook", webhook_id=spelled)).body)
        found = _fields(body.get("webhook"))
        meant = str(found.get("webhook_id") or "")
        if not meant:
            raise NotAllowed(
                f"{bound.operation.tool} was not sent: it is not clear which webhook this is.",
                hint="Name it by the webhook_id that aircall_list_webhooks shows.",
            )
        leads = str(found.get("url") or "").lower()
        ending = (webhook for webhook in making if f"/{webhook.name}".lower() in leads)
        return ours.get(meant.lower()) or next(ending, None)


def _fields(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _webhooks(ours: Mapping[str, Webhook]) -> list[str]:
    return [identity for identity in ours if not identity.startswith("number ")]


def _refusal(operation: Operation, webhook: Webhook) -> NotAllowed:
    return NotAllowed(
        f"{operation.tool} was not sent: this server listens on it itself ({webhook.name}), and no"
        " tool may change that.",
        hint=f"A person renews it with `aircall-mcp webhooks rotate {webhook.name}`, ends it with"
        f" `aircall-mcp webhooks remove {webhook.name}`, and subscribes to other events or another"
        " address with `aircall-mcp webhooks register`.",
    )
