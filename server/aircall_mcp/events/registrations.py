"""Our webhooks at Aircall: read, made, enabled again, deleted.

A person registered it, and that is the yes for what is asked here: it makes webhooks, and speaks of
those it made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NoReturn, TypeAlias, cast
from urllib.parse import urlsplit

from ..errors import AircallMCPError, ArgumentError, OutcomeUnknown, Refused, ToolError
from ..gateway.ask import Aircall, Sends
from ..ground.caller import Caller
from ..ground.operation import Operation
from .webhooks import Webhook

Json = dict[str, Any]
State: TypeAlias = Literal["active", "disabled", "missing", "changed"]

NAME = "aircall-mcp"
CALLBACK = "number "
"""What the id of a number in proxy mode begins with, in place of a webhook's."""
_PAGE = 50
_Making: TypeAlias = Literal["create_webhook", "create_message_configuration"]
_Asking: TypeAlias = Literal[
    "get_webhook", "update_webhook", "delete_webhook",
    "get_message_configuration", "delete_message_configuration",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Subscription:
    """One webhook of ours and how it stands at Aircall. `kinds` are those Aircall tells of.

    `fault` may be said of an active one, too. `next` is what a person runs, where that is theirs to
    do; `done` what the watchdog did to it. Of one that was just made, `replaces` names those whose
    place it took, and `beside` are those of its account that go on telling, too.
    """

    webhook: Webhook
    state: State
    kinds: tuple[str, ...] = ()
    fault: str = ""
    next: str = ""
    done: Literal["", "brought back", "replaced"] = ""
    replaces: tuple[str, ...] = ()
    beside: tuple[Webhook, ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """What Aircall says of something new."""

    aircall_id: str
    token: str
    url: str


class NotAsAsked(ToolError):
    """Aircall made something else than was asked for."""

    kind = "refused"


class Registrations:
    """See the module docstring. All methods raise what the gateway raises."""

    def __init__(self, gateway: Sends, operations: Mapping[str, Operation]) -> None:
        self._aircall = Aircall(gateway, operations, fresh=True)

    async def webhook(self, account: str, url: str, kinds: Sequence[str]) -> Made:
        """A new webhook for `kinds`, or for all if none is named."""
        asked: Json = {"url": url, "custom_name": NAME}
        if kinds:
            asked["events"] = list(kinds)
        made = _webhook(await self._make(account, "create_webhook", asked))
        identity = str(made.get("webhook_id") or "")
        return Made(identity, _token(identity, made), str(made.get("url") or url))

    async def callback(self, account: str, url: str, number_id: int) -> Made:
        """A number in proxy mode that calls back `url`."""
        asked = {"number_id": number_id, "callbackUrl": url}
        made = _configuration(await self._make(account, "create_message_configuration", asked))
        identity = f"{CALLBACK}{number_id}"
        return Made(identity, _token(identity, made), str(made.get("callbackUrl") or url))

    async def look(self, webhook: Webhook) -> Subscription:
        """How it stands, compared with what was asked for; its events with those that Aircall told
        of when it was first looked at."""
        renew, end = (
            f"aircall-mcp webhooks {word} {webhook.name}" for word in ("rotate", "remove")
        )
        look = "aircall-mcp webhooks status"  # which mends, as the watchdog does
        theirs = f"{renew}, or {end} if that was meant"
        missing = Subscription(webhook, "missing", (), "Aircall no longer has it", theirs)
        if is_callback(webhook):
            address = await self.calls_back(webhook)
            if address is None:
                return missing
            if not same_address(address, webhook.url):
                return Subscription(
                    webhook, "changed", (), "the number calls back elsewhere", theirs
                )
            return Subscription(webhook, "active", webhook.kinds)
        try:
            found = _webhook(await self._ask(webhook, "get_webhook"))
        except Refused as error:
            if error.status != 404:
                raise
            return missing
        kinds = _kinds(found)
        # First of all: what leads elsewhere must not be brought back.
        if not same_address(str(found.get("url") or ""), webhook.url):
            since = "now" if webhook.granted else "and did so when it was first looked at"
            return Subscription(webhook, "changed", kinds, f"it leads elsewhere {since}", look)
        if webhook.granted and _other_kinds(webhook, kinds):
            return Subscription(webhook, "changed", kinds, "it tells of other events now", look)
        if not found.get("active", True):
            return Subscription(
                webhook, "disabled", kinds, "Aircall disabled it after failures", look
            )
        asked_for = not webhook.kinds or set(kinds) == set(webhook.kinds)
        fault = "" if asked_for else "it told of other events than were asked for from the start"
        return Subscription(webhook, "active", kinds, fault)

    async def calls_back(self, webhook: Webhook) -> str | None:
        """Where the number of `webhook` calls back, None where it does not."""
        try:
            found = _configuration(await self._ask(webhook, "get_message_configuration"))
        except Refused as error:
            if error.status != 404:
                raise
            return None
        return str(found.get("callbackUrl") or "")

    async def revive(self, subscription: Subscription) -> None:
        """Switch on what Aircall disabled, for the events it had."""
        webhook = subscription.webhook
        kinds = list(webhook.kinds or subscription.kinds)
        if not kinds:
            raise ArgumentError(f"Which events {webhook.name} tells of is not known.")
        await self._ask(webhook, "update_webhook", {"active": True, "events": kinds})

    async def delete(self, webhook: Webhook) -> None:
        """At Aircall, where it may be gone already."""
        try:
            await self._ask(
                webhook,
                "delete_message_configuration" if is_callback(webhook) else "delete_webhook",
            )
        except Refused as error:
            if error.status != 404:
                raise

    async def take_back(self, webhook: Webhook) -> NoReturn:
        """Delete what Aircall made for another address than was asked for, and raise `NotAsAsked`;
        `OutcomeUnknown` where it could not be deleted."""
        said = f"Aircall made {webhook.aircall_id} for another address than was asked for"
        try:
            await self.delete(webhook)
        except AircallMCPError as error:
            raise OutcomeUnknown(
                f"{said}, and it could not be deleted again: {error.message}",
                hint="`aircall-mcp webhooks status` deletes it.",
            ) from None
        raise NotAsAsked(
            f"{said}. It was deleted again, and nothing is kept of it.",
            hint=f"Asked for was {webhook.url}. Ask Aircall's support why.",
        )

    async def under_the_address_of(self, webhook: Webhook) -> list[Webhook]:
        """The webhooks with this address, of which nothing but that may be known."""
        found: list[Webhook] = []
        page = 1
        while True:
            asked: Json = {"page": page, "per_page": _PAGE, "order": "asc"}
            body = await self._send(webhook.account, "list_webhooks", asked)
            shown: Any = cast("Json", body).get("webhooks") if isinstance(body, dict) else None
            listed = cast("list[Any]", shown) if isinstance(shown, list) else []
            rows = [cast("Json", one) for one in listed if isinstance(one, dict)]
            found += [
                replace(webhook, aircall_id=str(one["webhook_id"]))
                for one in rows
                if one.get("webhook_id") and same_address(str(one.get("url") or ""), webhook.url)
            ]
            if len(listed) < _PAGE:
                return found
            page += 1

    async def _make(self, account: str, operation: _Making, asked: Json) -> Any:
        return await self._send(account, operation, asked)

    async def _ask(self, webhook: Webhook, operation: _Asking, change: Json | None = None) -> Any:
        """About a webhook of ours: no caller names another."""
        whose: Json = {"webhook_id": webhook.aircall_id}
        if is_callback(webhook):
            whose = {"number_id": number_of(webhook)}
        return await self._send(webhook.account, operation, {**(change or {}), **whose})

    async def _send(self, account: str, operation: str, arguments: Json) -> Any:
        caller = Caller(interface="webhooks", account=account or None, person=True)
        return (await self._aircall.by(caller).ask(operation, **arguments)).body


def same_address(one: str, other: str) -> bool:
    """Whether two URLs lead to the same place: Aircall may show one in another spelling."""
    return _plain(one) == _plain(other)


def _plain(url: str) -> tuple[Any, ...]:
    try:
        there = urlsplit(url)
        port = there.port or (443 if there.scheme == "https" else 80)
    except ValueError:
        return (url,)
    place = (there.scheme, there.username, there.password, there.hostname, port)
    return (*place, there.path.rstrip("/"), there.query, there.fragment)


def is_callback(webhook: Webhook) -> bool:
    """Whether it is told of the texts of one number, in proxy mode."""
    return webhook.aircall_id.startswith(CALLBACK)


def number_of(webhook: Webhook) -> int:
    """The id of the number whose callback it is."""
    return int(webhook.aircall_id.removeprefix(CALLBACK))


def _other_kinds(webhook: Webhook, kinds: Sequence[str]) -> bool:
    """Whether it was subscribed to something else since Aircall last said to what it is. One that
    asked for all may be told of more, which is Aircall's to add."""
    before = set(webhook.granted)
    if webhook.kinds:
        return set(kinds) not in (before, set(webhook.kinds))
    return not before <= set(kinds)


def _kinds(webhook: Json) -> tuple[str, ...]:
    events: Any = webhook.get("events")
    return tuple(map(str, cast("list[Any]", events))) if isinstance(events, list) else ()


def _token(identity: str, made: Json) -> str:
    token = made.get("token")
    if not identity or not isinstance(token, str) or not token:
        raise OutcomeUnknown(
            "Aircall made a webhook but did not return its token.",
            hint="`aircall-mcp webhooks status` deletes it again; then register again.",
        )
    return token


def _webhook(body: Any) -> Json:
    found: Any = cast("Json", body).get("webhook") if isinstance(body, Mapping) else None
    if not isinstance(found, dict):
        raise OutcomeUnknown(
            "Aircall's answer names no webhook.", hint="Look with aircall_list_webhooks."
        )
    return cast("Json", found)


def _configuration(body: Any) -> Json:
    """Seen both flat and inside a key."""
    flat = cast("Json", body) if isinstance(body, dict) else {}
    inner: Any = flat.get("configuration")
    return cast("Json", inner) if isinstance(inner, dict) else flat
