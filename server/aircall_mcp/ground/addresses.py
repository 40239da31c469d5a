"""Addresses on the internet, judged by their spelling: nothing here looks a name up.

A URL that a model names leads Aircall somewhere, with the company's words or to fetch some. It is
https to a public name or number, in the one spelling that all readers understand alike.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

from .top_level import NAMES

LONGEST = 2048
"""Characters of a URL."""

_PLAIN = re.compile(r"[!-\[\]-~]*")  # printable ASCII but for the space and the backslash
_URL = re.compile(r"https://(?P<place>[^/?#]+)(?:[/?#].*)?", re.IGNORECASE)
_PLACE = re.compile(
    r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?", re.IGNORECASE
)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]+"
)
"""What careless readers pass over, at the beginning of a URL and inside."""
_FREE = re.compile(
    r"\s*(?:(?:[a-z][a-z0-9+.-]*:)?[/\\]{2}"
    r"|(?:https?|data|file|javascript|blob|view-source):\S)",
    re.IGNORECASE,
)
"""How a text begins that is a URL to some reader."""
_HEAD = 4 * LONGEST
"""Characters of a text that are looked at for how it begins."""

_UNICAST = ipaddress.IPv6Network("2000::/3")
"""Where all public IPv6 addresses lie; the rest is reserved, local, multicast, or holds IPv4."""
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_6TO4 = ipaddress.IPv6Network("2002::/16")
_ISATAP = (0x00005EFE, 0x02005EFE)
"""The third quarter of an address that leads on to the IPv4 address in the fourth."""
_NOT_PUBLIC = tuple(  # of which each version of Python has another list
    map(
        ipaddress.ip_network,
        (
            # Not globally reachable, by IANA's special-purpose registries of 2025-10-09.
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
            "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
            "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
            "2001::/23", "2001:db8::/32", "3fff::/20",
            # Reachable by the same, and nobody's place. So is what they have as exceptions of
            # 192.0.0.0/24 and 2001::/23: a protocol's meeting point, or no location at all.
            "192.31.196.0/24", "192.175.48.0/24", "2620:4f:8000::/48",  # AS112
            "192.52.193.0/24",  # AMT
            # In other registries, or in none.
            "224.0.0.0/4",  # multicast
            "168.63.129.16/32",  # a cloud's own, in every machine of it
            "3ffe::/16",  # given back
        ),
    )
)  # fmt: skip


def is_public(address: str) -> bool:
    """Whether an IP address, with or without a zone, is one of the internet.

    An IPv6 address that holds an IPv4 one is as public as that, but for Teredo's: these lead to
    somebody behind a NAT, whatever they hold.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if any(ip in network for network in _NOT_PUBLIC if network.version == ip.version):
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return True
    held = _held(ip)
    return ip in _UNICAST if held is None else is_public(str(held))


def _held(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that `ip` leads to."""
    whole = int(ip)
    if ip in _6TO4:
        return ipaddress.IPv4Address(whole >> 80 & 0xFFFFFFFF)
    isatap = ip in _UNICAST and whole >> 32 & 0xFFFFFFFF in _ISATAP
    if isatap or ip in _MAPPED or ip in _NAT64:
        return ipaddress.IPv4Address(whole & 0xFFFFFFFF)
    return None


@lru_cache(256)
def one_host(host: str) -> str:
    """`host` in one spelling; all names that this machine has for itself are one."""
    host = host.lower().rstrip(".").strip("[]")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        here = host == "localhost" or host.endswith(".localhost")
        return "127.0.0.1" if here else host
    address = getattr(address, "ipv4_mapped", None) or address
    return "127.0.0.1" if address.is_loopback or address.is_unspecified else str(address)


def is_url(text: str) -> bool:
    """Whether a text that may be anything leads somewhere: by its scheme, or by two slashes."""
    return _FREE.match(_UNSEEN.sub("", text[:_HEAD])) is not None


def fault_of(url: str) -> str:
    """Why this is no https URL on the internet, or an empty string. Says nothing of its value."""
    if len(url) > LONGEST:
        return f"is over {LONGEST} characters long"
    if not _PLAIN.fullmatch(url):
        return "holds something else than plain ASCII (%41 in the path, xn-- in the name)"
    parts = _URL.fullmatch(url)
    if parts is None:
        return "is not of the form https://name/path"
    # Careless readers look for the @ up to the first slash.
    if "@" in url[len("https://") :].partition("/")[0]:
        return "holds a user name or password"
    place = _PLACE.fullmatch(parts["place"].lower())
    if place is None or not 0 < int(place["port"] or 443) < 65_536:
        return "has no plain name and port"
    return _fault_of_host(place["host"])


def _fault_of_host(host: str) -> str:
    labels = host.split(".")
    if host.startswith("["):
        return "" if is_public(host[1:-1]) else "leads to an address that is not public"
    if _NUMBER.fullmatch(labels[-1] or (labels[-2] if len(labels) > 1 else "")):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            return "holds a number in another form than 203.0.113.7"
        return "" if is_public(host) else "leads to an address that is not public"
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)) or _is_disguised(labels):
        return "has a name in no usual form"
    if len(labels) < 2 or labels[-1] not in NAMES:
        return "has a name that is not public"
    return ""


def _is_disguised(labels: list[str]) -> bool:
    """Whether punycode hides something else than letters and digits that only it can spell."""
    import unicodedata

    for label in labels:
        if not label.startswith("xn--"):
            continue
        try:
            plain = label.removeprefix("xn--").encode().decode("punycode")
        except ValueError:
            return True
        if plain.isascii() or unicodedata.normalize("NFKC", plain) != plain:
            return True  # wide digits, for a careless reader
        if any(unicodedata.category(one)[0] not in "LMN" and one not in "-·・" for one in plain):
            return True
    return False
