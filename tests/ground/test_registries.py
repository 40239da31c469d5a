"""Public addresses against the whole of IANA's special-purpose registries, on every Python."""

from __future__ import annotations

import ast
import inspect
import ipaddress
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as some

from aircall_mcp.ground import addresses
from aircall_mcp.ground.addresses import fault_of, is_public

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# https://www.iana.org/assignments/iana-ipv4-special-registry and
# https://www.iana.org/assignments/iana-ipv6-special-registry, both as updated on 2025-10-09: each
# block, and what its column "Globally Reachable" says (None: "N/A", or nothing for what has ended).
REGISTRIES = """
0.0.0.0/8           False  "This network"
0.0.0.0/32          False  "This host on this network"
10.0.0.0/8          False  Private-Use
100.64.0.0/10       False  Shared Address Space
127.0.0.0/8         False  Loopback
169.254.0.0/16      False  Link Local
172.16.0.0/12       False  Private-Use
192.0.0.0/24        False  IETF Protocol Assignments
192.0.0.0/29        False  IPv4 Service Continuity Prefix
192.0.0.8/32        False  IPv4 dummy address
192.0.0.9/32        True   Port Control Protocol Anycast
192.0.0.10/32       True   Traversal Using Relays around NAT Anycast
192.0.0.170/32      False  NAT64/DNS64 Discovery
192.0.0.171/32      False  NAT64/DNS64 Discovery
192.0.2.0/24        False  Documentation (TEST-NET-1)
192.31.196.0/24     True   AS112-v4
192.52.193.0/24     True   AMT
192.88.99.0/24      None   Deprecated (6to4 Relay Anycast)
192.88.99.2/32      False  6a44-relay anycast address
192.168.0.0/16      False  Private-Use
192.175.48.0/24     True   Direct Delegation AS112 Service
198.18.0.0/15       False  Benchmarking
198.51.100.0/24     False  Documentation (TEST-NET-2)
203.0.113.0/24      False  Documentation (TEST-NET-3)
240.0.0.0/4         False  Reserved
255.255.255.255/32  False  Limited Broadcast
::1/128             False  Loopback Address
::/128              False  Unspecified Address
::ffff:0:0/96       False  IPv4-mapped Address
64:ff9b::/96        True   IPv4-IPv6 Translat.
64:ff9b:1::/48      False  IPv4-IPv6 Translat.
100::/64            False  Discard-Only Address Block
100:0:0:1::/64      False  Dummy IPv6 Prefix
2001::/23           False  IETF Protocol Assignments
2001::/32           None   TEREDO
2001:1::1/128       True   Port Control Protocol Anycast
2001:1::2/128       True   Traversal Using Relays around NAT Anycast
2001:1::3/128       True   DNS-SD Service Registration Protocol Anycast
2001:2::/48         False  Benchmarking
2001:3::/32         True   AMT
2001:4:112::/48     True   AS112-v6
2001:10::/28        None   Deprecated (previously ORCHID)
2001:20::/28        True   ORCHIDv2
2001:30::/28        True   Drone Remote ID Protocol Entity Tags (DETs) Prefix
2001:db8::/32       False  Documentation
2002::/16           None   6to4
2620:4f:8000::/48   True   Direct Delegation AS112 Service
3fff::/20           False  Documentation
5f00::/16           False  Segment Routing (SRv6) SIDs
fc00::/7            False  Unique-Local
fe80::/10           False  Link-Local Unicast
"""
BY_WHAT_THEY_HOLD = [
    ipaddress.ip_network(one) for one in ("::ffff:0:0/96", "64:ff9b::/96", "2002::/16")
]


class Row(NamedTuple):
    block: Network
    reachable: bool | None
    name: str


def rows() -> list[Row]:
    split = [line.split(maxsplit=2) for line in REGISTRIES.strip().splitlines()]
    said = {"True": True, "False": False, "None": None}
    return [Row(ipaddress.ip_network(block), said[word], name) for block, word, name in split]


ROWS = rows()
CLOSED = [row for row in ROWS if row.block not in BY_WHAT_THEY_HOLD]
EXCEPTIONS = [row for row in CLOSED if row.reachable]
"""Reachable, and refused all the same: what answers there is a protocol's, and takes no events."""


def within(block: Network) -> Iterator[Address]:
    """The first, the last and some between."""
    size = block.num_addresses
    yield from {block[number] for number in (0, 1, size // 3, size // 2, size - 2, size - 1)
                if 0 <= number < size}  # fmt: skip


def url_of(address: Address) -> str:
    return f"https://[{address}]/" if address.version == 6 else f"https://{address}/"


def test_the_registries_are_whole() -> None:
    assert len(ROWS) == 26 + 25
    assert len({row.block for row in ROWS}) == len(ROWS)
    assert [row.name for row in ROWS if row.reachable is None] == [
        "Deprecated (6to4 Relay Anycast)", "TEREDO", "Deprecated (previously ORCHID)", "6to4"
    ]  # fmt: skip


@pytest.mark.parametrize("row", CLOSED, ids=lambda row: str(row.block))
def test_no_address_of_a_special_purpose_is_public(row: Row) -> None:
    for address in within(row.block):
        assert not is_public(str(address))
        assert fault_of(url_of(address))


@given(some.data())
def test_no_address_that_is_not_globally_reachable_is_public(data: some.DataObject) -> None:
    row = data.draw(some.sampled_from(CLOSED))
    number = data.draw(some.integers(0, row.block.num_addresses - 1))
    assert not is_public(str(row.block[number]))


def beside() -> Iterator[Address]:
    """The neighbours of every block, which are in none."""
    for row in CLOSED:
        first, last = row.block[0], row.block[-1]
        for number in (int(first) - 1, int(last) + 1):
            if 0 < number < 1 << first.max_prefixlen:
                address = type(first)(number)
                if not any(address in other.block for other in ROWS
                           if other.block.version == address.version):  # fmt: skip
                    yield address


def test_what_lies_beside_them_is_public_where_it_can_be() -> None:
    """So no block is drawn too wide."""
    elsewhere = [ipaddress.ip_network(one) for one in ("224.0.0.0/4", "3ffe::/16")]
    unicast = ipaddress.ip_network("2000::/3")
    judged = 0
    for address in beside():
        if address.version == 6 and address not in unicast:
            assert not is_public(str(address))
        elif not any(address in one for one in elsewhere if one.version == address.version):
            judged += 1
            assert is_public(str(address)), address
    assert judged > 25


@given(some.integers(0, (1 << 32) - 1), some.integers(0, (1 << 64) - 1))
def test_an_address_that_holds_another_is_as_public_as_that(held: int, more: int) -> None:
    v4 = ipaddress.IPv4Address(held)
    public = is_public(str(v4))
    isatap = [0x2606_4700_0000_0000 << 64 | quarter << 32 | held
              for quarter in (0x00005EFE, 0x02005EFE)]  # fmt: skip
    for whole in (
        0xFFFF << 32 | held, 0x64_FF9B << 96 | held, 0x2002 << 112 | held << 80 | more & ~(3 << 62),
        *isatap,
    ):  # fmt: skip
        address = ipaddress.IPv6Address(whole)
        if whole >> 112 == 0x2002 and whole >> 32 & 0xFFFFFFFF in (0x5EFE, 0x02005EFE):
            continue  # an address in an address in an address
        assert is_public(str(address)) is public, address
        assert (fault_of(url_of(address)) == "") is public
    for whole in (
        held, 0xFFFF << 48 | held, 0x64_FF9B_0001 << 80 | held,  # compatible, translated, local
        0x2001_0000 << 96 | 0x0808_0808 << 64 | held,  # Teredo, by a public server
        0x2001_0000 << 96 | 0x0808_0808 << 64 | held ^ 0xFFFFFFFF,
    ):  # fmt: skip
        assert not is_public(str(ipaddress.IPv6Address(whole)))


@given(some.integers(0, (1 << 32) - 1), some.integers(0, (1 << 128) - 1))
def test_this_python_calls_none_public_that_is_refused_for_less(v4: int, v6: int) -> None:
    """Whatever it knows to be private or reserved is refused here as well."""
    for ip in (ipaddress.IPv4Address(v4), ipaddress.IPv6Address(v6)):
        mapped_or_translated = ip.version == 6 and v6 >> 32 in (0xFFFF, 0x64_FF9B << 64)
        if is_public(str(ip)) and not mapped_or_translated:
            assert not any((ip.is_private, ip.is_reserved, ip.is_multicast))


def test_what_a_version_of_python_thinks_is_not_asked() -> None:
    judges = {"is_public", "_held"}
    tree = ast.parse(inspect.getsource(addresses))
    asked = {
        node.attr
        for judge in ast.walk(tree)
        if isinstance(judge, ast.FunctionDef) and judge.name in judges
        for node in ast.walk(judge)
        if isinstance(node, ast.Attribute)
    }
    assert "ip_address" in asked
    assert not {one for one in asked if one.startswith("is_")}
    assert not asked & {"ipv4_mapped", "sixtofour", "teredo"}
