"""Where events are forwarded to, and which addresses are allowed.

The URL of a destination is a secret of the vault; everybody else, and a model first of all, knows
its name. Its host is looked up for each delivery and judged by the address that is found, which is
then the one to connect to: a name that led to the internet when it was added may lead inside later.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import httpx2

from ...errors import ArgumentError, CredentialError
from ...ground.addresses import is_public
from ...ground.secrets import LOOPBACK, Secret, inside, reveal

Form: TypeAlias = Literal["slack", "https"]
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a host and a port to the IP addresses it has."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where events go, without the address. `host` may be private only where `private`."""

    name: str
    form: Form
    host: str
    private: bool = False


def host_of(url: bytes) -> str:
    """The host of a URL that may be a destination. Raises `ArgumentError`."""
    try:
        text = url.decode()
        there = urlsplit(text)
        host, _ = there.hostname or "", there.port
        usable = bool(host) and host.encode("idna").decode() == host
        usable &= bool(httpx2.URL(text).host) and not (there.username or there.password)
        usable &= there.scheme == "https" or (there.scheme == "http" and host in LOOPBACK)
    except (ValueError, httpx2.InvalidURL):
        host, usable = "", False
    if not usable:
        raise ArgumentError(
            "The address of a destination must be an https URL.",
            hint="http is allowed only on the loopback address, and no user name in the URL.",
        )
    return host


def revealed(url: Secret, destination: Destination) -> str:
    """The URL in plain, for its own host alone. Raises `CredentialError`."""
    scheme = inside(url, lambda raw: raw.partition(b":")[0].decode())
    place = f"[{destination.host}]" if ":" in destination.host else destination.host
    text = reveal(url, "deliver an event", f"{scheme}://{place}/", host=destination.host)
    if urlsplit(text).hostname != destination.host:
        raise CredentialError(f"The address of {destination.name} was changed.")
    return text


async def address_of(url: str, destination: Destination, resolve: Resolve) -> str:
    """The one IP address to connect to. Raises `CredentialError` for one that is not public, and
    `OSError` where there is none."""
    found = await resolve(destination.host, urlsplit(url).port or 443)
    if not found:
        raise OSError
    if not destination.private:
        for address in found:
            if not is_public(address):
                raise CredentialError(
                    f"{destination.name} leads to an address that is not public.",
                    hint="If this is intended, add it again with --allow-private.",
                )
    return found[0]


async def resolved(host: str, port: int) -> list[str]:
    """The IP addresses of `host`, IPv4 first. Raises `OSError`."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    ordered = sorted(found, key=lambda one: one[0] != socket.AF_INET)
    return list(dict.fromkeys(str(one[4][0]) for one in ordered))
