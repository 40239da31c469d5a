"""URLs that a model names: https and public, by their spelling alone."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as some

from aircall_mcp import spec
from aircall_mcp.errors import ArgumentError
from aircall_mcp.ground import top_level
from aircall_mcp.ground.addresses import fault_of, is_public, is_url
from aircall_mcp.ground.caller import Caller
from aircall_mcp.ground.operation import Operation
from aircall_mcp.spec.domains import module_of, names_in

from ..harness import answering, desk_over

pytestmark = pytest.mark.anyio

COMPILED = spec.load()

GOOD = [
    "https://hooks.larkspur.example.com/aircall",
    "https://hooks.example.com",
    "HTTPS://Hooks.Example.COM/In",
    "https://example.com:8443/a?b=c&d=%20#e",
    "https://a-b.c_d.example.co.uk/~x/{y}/z;a=1",
    "https://xn--bcher-kva.example.com/",
    "https://8.8.8.8/hook",
    "https://[2606:4700:4700::1111]/hook",
    "https://[2606:4700:4700::1111]:8443/",
    "https://[::ffff:8.8.8.8]/",
    "https://127.0.0.1.example.com/",
    "https://localhost.example.com/",
    "https://1e100.net/",
    "https://user.example.com/@handle",
    "https://example.com/a:b@c",
    "https://example.com/?to=a@b.com",
    "https://example.com?a=b#c",
    "https://a.xn--p1ai/",
    "https://hooks.acme.app/",
    "https://hooks.acme.co.uk/",
    "https://[2001:4860:4860::8888]/",
    "https://192.0.1.1/",
    "https://168.63.129.17/",
]

NOT_HTTPS = [
    "", "https", "https:", "https://", "https:///a", "https:example.com", "https:/example.com",
    "http://example.com/", "ftp://example.com/", "//example.com/", "example.com",
    "javascript:alert(1)", "file:///etc/passwd", "https//example.com", "https://?a", "https://#a",
    "wss://example.com/", "https+x://example.com/",
]  # fmt: skip
LOOPBACK = [
    "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "2130706433", "017700000001", "0x7f000001",
    "0x7f.1", "0x7F.0x0.0x0.0x1", "0177.0.0.1", "0177.0.0.01", "127.0.0.1.", "0", "0.0.0.0", "0x0",
    "00", "127.0.0.0x1", "127.00.00.01", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[::127.0.0.1]", "[::7f00:1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[::ffff:0:127.0.0.1]", "1", "4294967296",
    "256.1.1.1",
]  # fmt: skip
PRIVATE = [
    "10.0.0.1", "10.1", "012.0.0.1", "0xa.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "192.168.257", "3232235777", "0xc0a80101", "169.254.169.254", "2852039166", "0xa9fea9fe",
    "0251.0376.0251.0376", "169.254.43518", "100.64.0.1", "100.127.255.255", "192.0.0.1",
    "192.0.2.1", "198.51.100.7", "203.0.113.7", "198.18.0.1", "192.88.99.1", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255", "[fe80::1]", "[fe80::1%25eth0]",
    "[fe80::1%1]",
    "[fec0::1]", "[fc00::1]", "[fd12:3456::1]", "[ff02::1]", "[2001:db8::1]", "[3fff::1]",
    "[2001::1]", "[100::1]", "[5f00::1]", "[2002:a00:1::]", "[2002:c0a8:101::]",
    "192.0.0.9", "192.0.0.192", "[2002:c000:c0::]", "[64:ff9b::c000:c0]", "168.63.129.16",
    "[::ffff:168.63.129.16]", "[3ffe::1]", "[2001:1::1]", "[2001:20::1]", "[2001:4:112::1]",
    "[2620:4f:8000::1]", "192.31.196.1", "192.52.193.1", "192.175.48.1", "100.100.100.200",
    "[::ffff:10.0.0.1]", "[::ffff:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b::10.0.0.1]",
]  # fmt: skip
NAMES = [
    "localhost", "LOCALHOST", "LocalHost", "localhost.", "localhost.localdomain", "a.localhost",
    "printer.local", "Printer.LOCAL", "printer.local.", "metadata.google.internal", "db.internal",
    "intranet", "router", "nas.home.arpa", "nas.lan", "nas.home", "nas.corp", "x.intranet",
    "x.test",
    "x.invalid", "x.onion", "1.0.0.127.in-addr.arpa", "example", "example.", "example.com.",
    "-a.example.com", "a-.example.com", "a..example.com", ".example.com", "example..com",
    "a" * 64 + ".example.com", "a." * 130 + "com", "example.c", "example.123", "example.0x1f",
    "xn--.example.com", "xn--a.example.com", "xn--localhost-.com", "exa mple.com", "exa_mple",
    "_.com",
    "kubernetes.default.svc", "vault.service.consul", "app.docker", "db.example", "x.alt", "x.i2p",
    "nas.intra", "srv.domain", "host.localnet", "x.workgroup", "x.mail", "x.belkin", "pc.dhcp",
    "a.xn--0zwm56d", "host.cluster.local", "hooks.example.com.svc",
]  # fmt: skip
DISGUISED = [
    "１２７.０.０.１", "127。0。0。1", "127．0．0．1", "127｡0｡0｡1",  # noqa: RUF001 - that is the point
    "ｌｏｃａｌｈｏｓｔ", "loc\u00adalhost", "local\u200bhost", "①②⑦.0.0.1",  # noqa: RUF001
    "xn--8g7ccp.example", "xn--mi7cdqncpe6aj", "xn--ab-r13a.example", "b\u00fccher.example",
    "ex\u0430mple.com", "example\u2024com",
    "%31%32%37.0.0.1", "127%2e0%2e0%2e1", "%6cocalhost", "local%68ost",
    "example.com%00.evil.example",
    "example.com%2f@127.0.0.1", "127.0.0.1%09", "[::1", "::1", "[::1]x", "[v1.x]", "[127.0.0.1]",
    "[::1]:443:1", "[[::1]]",
]  # fmt: skip
CARRYING = [
    "user@example.com", "user:secret@example.com", "@example.com", "example.com@127.0.0.1",
    "example.com:443@127.0.0.1", "127.0.0.1@example.com", "a:b@", "user%40example.com",
    "example.com:", "example.com:0", "example.com:65536", "example.com:99999", "example.com:-1",
    "example.com:80a", "example.com:4 43", "example.com:443:443", "example.com\\@127.0.0.1",
    "example.com\\.evil.example", "127.0.0.1\\", "\\example.com", "example.com&127.0.0.1",
    "example.com,127.0.0.1", "example.com;127.0.0.1", "example.com|x", "example.com*",
    "a!b.example", "example.com#@127.0.0.1", "example.com?@127.0.0.1", "example.com#a:b@127.0.0.1",
    "example.com?x=y&z@127.0.0.1", "example.com#?@127.0.0.1",
]  # fmt: skip
CONTROLS = ["\x00", "\t", "\n", "\r", "\x1b", "\x7f", "\x85", " ", "\xa0", "\u00ad", "\u200b",
            "\u200d", "\u202e", "\u2028", "\u2060", "\u3000", "\ufe0f", "\ufeff", "\u3164",
            "\U000e0041", "\ud800", "\\"]  # fmt: skip
BAD_HOSTS = [*LOOPBACK, *PRIVATE, *NAMES, *DISGUISED, *CARRYING]


def test_the_tables_are_as_long_as_they_should_be() -> None:
    assert len({*NOT_HTTPS, *BAD_HOSTS, *CONTROLS}) > 180


@pytest.mark.parametrize("url", GOOD)
def test_an_https_url_of_the_internet_is_taken(url: str) -> None:
    assert fault_of(url) == ""


@pytest.mark.parametrize("url", NOT_HTTPS, ids=repr)
def test_what_is_no_https_url_is_not(url: str) -> None:
    assert fault_of(url)


@pytest.mark.parametrize("host", BAD_HOSTS, ids=repr)
def test_a_host_that_is_not_public_is_not_in_any_spelling(host: str) -> None:
    for url in (
        f"https://{host}",
        f"https://{host}/a",
        f"https://{host}?a",
        f"https://{host}:443/",
    ):
        assert fault_of(url), url
        assert host == "" or len(host) < 6 or host not in fault_of(url)


@pytest.mark.parametrize("mark", CONTROLS, ids=repr)
def test_nothing_invisible_stands_anywhere_in_it(mark: str) -> None:
    url = "https://hooks.example.com/in?a=b#c"
    for at in range(len(url) + 1):
        assert fault_of(url[:at] + mark + url[at:])


def test_a_url_has_an_end() -> None:
    assert fault_of("https://example.com/" + "a" * 2_028) == ""
    assert fault_of("https://example.com/" + "a" * 2_029)


def spellings(address: int) -> Iterator[str]:
    """One IPv4 address as the readers of URLs have understood it through the years."""
    a, b, c, d = address.to_bytes(4, "big")
    low, lower = address & 0xFFFFFF, address & 0xFFFF
    yield from (str(address), hex(address), f"0{address:o}", f"{address:#X}", f"{address:#010x}")
    for form in ("{}", "{:#x}", "0{:o}", "{:#04x}", "{:03}"):
        yield ".".join(form.format(part) for part in (a, b, c, d))
        yield ".".join(form.format(part) for part in (a, b, lower))
        yield ".".join(form.format(part) for part in (a, low))
    yield f"{a}.{b:#x}.0{c:o}.{d}"
    yield f"{a}.{b}.{c}.{d}."
    yield f"{a}%2e{b}%2e{c}%2e{d}"
    yield f"{a}\u3002{b}\uff0e{c}\uff61{d}"
    yield "".join(chr(ord(one) + 0xFEE0) if one.isdigit() else one for one in f"{a}.{b}.{c}.{d}")
    for prefix in ("::", "::ffff:", "64:ff9b::", "64:ff9b:1::", "::ffff:0:"):
        yield f"[{prefix}{a}.{b}.{c}.{d}]"
        yield f"[{prefix}{address >> 16:x}:{lower:x}]"
        yield f"[{prefix}{a}.{b}.{c}.{d}%25eth0]"
    yield f"[2002:{address >> 16:x}:{lower:x}::1]"


NETWORKS = [ipaddress.IPv4Network(one) for one in (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4", "240.0.0.0/4",
)]  # fmt: skip


@given(some.sampled_from(NETWORKS), some.integers(min_value=0))
def test_no_address_of_a_closed_network_passes_in_any_notation(
    network: ipaddress.IPv4Network, number: int
) -> None:
    address = int(network.network_address) + number % network.num_addresses
    assert not is_public(str(ipaddress.IPv4Address(address)))
    for spelling in spellings(address):
        assert fault_of(f"https://{spelling}/"), spelling


@given(some.text(max_size=40))
def test_whatever_stands_there_is_judged_and_never_breaks(text: str) -> None:
    for url in (text, f"https://{text}", f"https://{text}/", f"https://example.com/{text}"):
        fault = fault_of(url)
        assert isinstance(fault, str)
        assert fault_of(url) == fault


@given(some.text(alphabet="0123456789abcdefxX.:[]%", max_size=24))
def test_what_passes_is_a_name_or_a_public_number_in_its_own_spelling(text: str) -> None:
    if fault_of(f"https://{text}/"):
        return
    host = text.rpartition(":")[0] if text.count(":") == 1 else text
    if text.startswith("["):
        assert is_public(text[1:].partition("]")[0])
    elif host.rpartition(".")[2].isdigit():
        assert is_public(host)
    else:
        assert host.rpartition(".")[2].isalpha()


@pytest.mark.parametrize(
    ("address", "public"),
    [("8.8.8.8", True), ("2606:4700:4700::1111", True), ("64:ff9b::808:808", True),
     ("::ffff:8.8.8.8", True), ("2002:808:808::1", True), ("2002:a00:1::1", False),
     ("2001:20::1", False), ("192.0.0.8", False), ("192.0.0.9", False), ("fe80::1%eth0", False),
     ("8.8.8.8%x", True), ("::", False), ("224.0.0.1", False), ("nonsense", False), ("", False)],
)  # fmt: skip
def test_an_address_that_a_name_led_to_is_judged_by_the_same_code(
    address: str, public: bool
) -> None:
    assert is_public(address) is public


# Every argument of the registry that is a URL.


def at(place: str, url: str) -> Any:
    """A value that holds `url` at this place of `Parameter.urls`."""
    value: Any = url
    for step in reversed(place.split("/") if place else []):
        match step:
            case "*":
                value = [value]
            case "**":
                value = {"x": ["y", value]}
            case _:
                value = {step: value}
    return value


def within(whole: Any, part: Any) -> Any:
    """`whole` with what `part` has."""
    if not isinstance(whole, dict) or not isinstance(part, dict):
        return part
    known, more = cast("dict[str, Any]", whole), cast("dict[str, Any]", part)
    return {**known, **{key: within(known.get(key), value) for key, value in more.items()}}


URLS = [
    (operation, parameter.name, place)
    for operation in COMPILED.operations
    for parameter in operation.parameters
    for place in parameter.urls
]


def test_these_are_all_the_arguments_that_are_urls() -> None:
    assert {(operation.id, f"{name}/{place}".rstrip("/")) for operation, name, place in URLS} == {
        ("create_webhook", "url"), ("update_webhook", "url"),
        ("create_message_configuration", "callbackUrl"),
        ("send_message", "mediaUrl/*"), ("send_message_in_conversation", "mediaUrl/*"),
        ("send_group_message", "mediaUrl/*"), ("push_insight_card", "contents/*/link"),
        *(("update_number", f"messages/{name}") for name in (
            "welcome", "waiting", "ringing_tone", "after_hours", "ivr", "voicemail",
            "unanswered_call", "closed", "callback_later")),
        ("trigger_ai_voice_agent_call", "context/**"),
        *(("create_analytics_export", f"input/{name}/**") for name in (
            "options", "exportOptions", "filter/duration", "filter/hours")),
    }  # fmt: skip
    for operation in COMPILED.operations:  # and none that only sounds like one is left out
        for parameter in operation.parameters:
            told = json.dumps(dict(parameter.schema)).lower()
            if "url" in told.replace("audio links", "") and parameter.place != "ours":
                assert parameter.urls or parameter.name.startswith("fetch_"), parameter.name


@pytest.mark.parametrize(
    ("operation", "name", "place"),
    [pytest.param(*one, id=f"{one[0].id}-{one[1]}-{one[2]}") for one in URLS],
)
async def test_a_url_that_is_not_public_is_refused_before_anything_is_sent(
    registry: Any, operation: Operation, name: str, place: str
) -> None:
    app, arrived = answering(200, {})
    desk = desk_over(app, registry)
    example = {k: v for k, v in operation.example.items() if k not in ("body", "mediaUrl")}
    for url in (
        "https://127.0.0.1/x",
        "https://[::1]/",
        "https://a.internal/",
        "http://x.example/",
    ):
        value = at(place, url)
        if name == "input":
            value = within(example["input"], value)
        if name == "contents":
            value = [{"type": "title", "text": "x", **value[0]}]
        for written in (value, json.dumps(value) if place else url):
            given_ = {**example, name: written}
            if name == "mediaUrl" and operation.id != "send_group_message":
                given_["body"] = "x"
            result = await desk.call(operation.tool, given_, Caller())
            error = result.payload["error"]
            assert error["kind"] == "argument", error
            assert name in error["message"]
            assert "https://hooks.example.com" in error["hint"]
            assert url not in json.dumps(error)
    assert arrived == []
    await desk.aclose()


@pytest.mark.parametrize(
    "text",
    ["http://169.254.169.254/", " HTTPS://a.internal/x ", "//10.0.0.1/x", "\\\\10.0.0.1\\x",
     "file:///etc/passwd", "file:/etc/passwd", "gopher://a.example.com/", "data:text/html,x"],
)  # fmt: skip
def test_a_text_that_may_be_anything_is_no_url_of_another_kind(registry: Any, text: str) -> None:
    told = {"agent_id": "a", "contact_phone": "+14155550143", "idempotency_key": "k"}
    agent = registry.ids["trigger_ai_voice_agent_call"]
    for context in ({"a": text}, {"a": {"b": [1, text]}}):
        with pytest.raises(ArgumentError, match=r"`context\.a"):
            agent.bind({**told, "context": context})


@pytest.mark.parametrize(
    "text", ["Amina", "at 10:30", "note: call back", "Data: 12", "a/b", "https://hooks.acme.com/a"]
)
def test_plain_words_and_public_urls_are_told_to_a_voice_agent(registry: Any, text: str) -> None:
    told = {"agent_id": "a", "contact_phone": "+14155550143", "idempotency_key": "k"}
    agent = registry.ids["trigger_ai_voice_agent_call"]
    assert agent.bind({**told, "context": {"a": text}}).body["context"] == {"a": text}


def test_the_names_of_the_internet_are_listed_as_their_source_has_them() -> None:
    known = top_level.NAMES
    assert len(known) > 1_400
    assert {"com", "fr", "app", "xn--p1ai", "ck"} <= known
    assert not known & {"arpa", "onion", "example", "test", "local", "internal", "home", "co.uk"}
    source = (
        "// VERSION: 2026-03-06_02-20-37_UTC\n// ===BEGIN ICANN DOMAINS===\n// a\nac\n*.ck\n"
        "!www.ck\nco.uk\nрф\narpa  // b\n// ===END ICANN DOMAINS===\nblogspot.dyn\n"  # noqa: RUF001
    )
    assert names_in(source) == ["ac", "ck", "uk", "xn--p1ai"]
    made: dict[str, Any] = {}
    exec(module_of(source), made)
    assert made["NAMES"] == {"ac", "ck", "uk", "xn--p1ai"}
    assert made["VERSION"] == "2026-03-06"
    assert made["__doc__"] == top_level.__doc__


def test_the_second_of_several_urls_is_looked_at_too(registry: Any) -> None:
    with pytest.raises(ArgumentError, match=r"`mediaUrl\[1\]`"):
        registry.ids["send_message"].bind(
            {"number_id": 1, "to": "+14155550143", "body": "x",
             "mediaUrl": ["https://media.example.com/a.png", "https://10.0.0.1/b.png"]}
        )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "https:127.0.0.1/x", "https:/127.0.0.1/x", "http:/\t/127.0.0.1/", "ht\ntp://127.0.0.1/",
        "\x01http://127.0.0.1/", "\u200bhttps://127.0.0.1/", "\ufeff//127.0.0.1/x",
        "blob:http://127.0.0.1/", "view-source:http://127.0.0.1/", " file:\n///etc/passwd",
    ],
)  # fmt: skip
def test_what_a_careless_reader_takes_for_a_url_is_one(text: str) -> None:
    assert is_url(text)


@pytest.mark.parametrize("text", ["", "call me", "note: 127.0.0.1", "10/11/2026", "a https word"])
def test_other_words_are_no_url(text: str) -> None:
    assert not is_url(text)
