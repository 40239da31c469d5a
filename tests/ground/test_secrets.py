from __future__ import annotations

import base64
import copy
import json
import pickle
import random
import re
import time
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import pytest
from pydantic import BaseModel, ConfigDict

import aircall_mcp
from aircall_mcp.errors import CredentialError, quoted
from aircall_mcp.ground.secrets import (
    MASK,
    VARIABLES,
    Scrubber,
    Secret,
    cut,
    inside,
    last,
    reveal,
    scrubber_for,
    sealed,
    secrets_in,
    unsealed,
)

TEXT = 'canary "7f3a9c" with/slash+plus&more'
SECRET = Secret(TEXT)
URL = "https://api.aircall.io/v1/ping"
PACKAGE = Path(aircall_mcp.__file__).parent


def test_it_does_not_print() -> None:
    class Model(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        secret: Secret

    model = Model(secret=SECRET)
    for shown in (
        str(SECRET), repr(SECRET), f"{SECRET:>80}",
        str([SECRET]), repr({"a": SECRET}), repr(model), str(model.model_dump()),
    ):  # fmt: skip
        assert "canary" not in shown


@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps])
def test_every_way_out_is_shut(way: object) -> None:
    assert callable(way)
    with pytest.raises(TypeError) as caught:
        way(SECRET)
    assert "canary" not in str(caught.value)


def test_it_has_no_dictionary_to_look_into() -> None:
    with pytest.raises(TypeError):
        vars(SECRET)


def test_equality_is_by_value() -> None:
    assert Secret(TEXT) == SECRET
    assert Secret(TEXT + "x") != SECRET
    assert SECRET != TEXT
    assert len({SECRET, Secret(TEXT)}) == 1


def test_the_tail_of_a_short_secret_is_not_shown() -> None:
    assert Secret("0123456789abcdef").tail == "…cdef"
    assert Secret("0123456789a").tail == "…"


def test_to_its_own_host_over_https() -> None:
    assert reveal(SECRET, "sign a request", URL, host="api.aircall.io") == TEXT


def test_to_loopback_only_where_that_is_the_host() -> None:
    local = "http://127.0.0.1:8123/v1/ping"
    assert reveal(SECRET, "sign a request", local, host="127.0.0.1") == TEXT
    with pytest.raises(CredentialError):
        reveal(SECRET, "sign a request", local, host="api.aircall.io")


@pytest.mark.parametrize(
    "url",
    [
        "http://api.aircall.io/v1/ping",
        "https://api.aircall.io.evil.example/v1",
        "https://evil.example/api.aircall.io",
        "https://api.aircall.io@evil.example/",
        "https://evil.example#api.aircall.io",
        "https://xapi.aircall.io/",
        "ftp://api.aircall.io/",
        "//api.aircall.io/",
        "api.aircall.io",
        "",
    ],
)
def test_nowhere_else(url: str) -> None:
    with pytest.raises(CredentialError) as caught:
        reveal(SECRET, "sign a request", url, host="api.aircall.io")
    assert "canary" not in caught.value.message + caught.value.hint


def test_there_and_back() -> None:
    value = {"a": [Secret(TEXT), {"b": Secret("é")}], "plain": TEXT, "n": None}
    seen: list[bytes] = []

    def seal(plain: bytes) -> str:
        seen.append(plain)
        return "closed"

    assert sealed(value, seal) == "closed"
    back = unsealed(seen[0])
    assert back == value
    assert isinstance(back["a"][0], Secret)
    assert isinstance(back["plain"], str)


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError):
        sealed({"a": object()}, lambda _plain: "")


def test_inside() -> None:
    assert inside(Secret("abc"), len) == 3


def test_every_form_is_found() -> None:
    scrubber = Scrubber()
    scrubber.learn(Secret(TEXT), pair=Secret("the-api-id"))
    raw = TEXT.encode()
    forms = [
        TEXT, quote(TEXT, safe=""), json.dumps(TEXT)[1:-1], raw.hex(),
        base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode().rstrip("="),
        base64.b64encode(b"the-api-id:" + raw).decode(),
    ]  # fmt: skip
    for form in forms:
        assert scrubber.text(f"before {form} after").startswith(f"before {MASK}"), form
    nested = {"a": ["x", {"b": forms[4], forms[3]: 1}], "n": 3}
    assert "7f3a9c" not in json.dumps(scrubber.json(nested))
    assert scrubber.json(nested)["n"] == 3


ODD = 'Zürich "7f3a9c"\twith/slash+plus&more%41'


@pytest.mark.parametrize("text", [TEXT, ODD, "sk_live_42aZ", "?~>?~>?~>?~>", "0123456789abcdef"])
def test_however_it_is_encoded_and_whatever_stands_around_it(text: str) -> None:
    scrubber, raw, chance = Scrubber(), text.encode(), random.Random(14)
    scrubber.learn(Secret(text))
    known = [text, raw.hex(), raw.hex().upper()]
    known += ["".join(f"%{byte:02{case}}" for byte in raw) for case in "xX"]
    known += [quote(raw, safe=safe) for safe in ("", "/+&", '"')] + [quote(quote(raw), safe="")]
    known += [json.dumps(text)[1:-1], json.dumps(json.dumps(text))[3:-3]]
    for _ in range(50):  # any of its bytes, in either case
        known.append("".join(
            f"%{byte:02{chance.choice('xX')}}" if byte > 126 or chance.random() < 0.5
            or byte == 37 else chr(byte) for byte in raw
        ))  # fmt: skip
    for one in known:
        said = scrubber.text(f"before {one} and {one}, behind")
        assert said == f"before {MASK} and {MASK}, behind", one
        assert scrubber.json({one: [f"<{one}>"]}) == {MASK: [f"<{MASK}>"]}
    for before in range(7):
        for behind in range(4):
            whole = b"k" * before + raw + b"=" * behind
            for encoded in (base64.b64encode(whole), base64.urlsafe_b64encode(whole)):
                shown = scrubber.text(f"<{encoded.decode()}>")
                assert MASK in shown, encoded
                # Beside it stands what its neighbours are, and a letter at most that it shares.
                assert len(shown) - len(MASK) <= 2 + 4 * ((before + behind + 5) // 3) + 2


def test_of_two_that_overlap_nothing_is_left() -> None:
    scrubber = Scrubber()
    for text in ("first-secret-first", "first-and-second", "secret-first-and"):
        scrubber.learn(Secret(text))
    assert scrubber.text("a first-secret-first-and-second b") == f"a {MASK} b"
    assert scrubber.text("first-secret-firstfirst-and-second") == f"{MASK}{MASK}"


def test_what_is_parted_by_what_nobody_sees_is_found() -> None:
    scrubber = Scrubber()
    scrubber.learn(Secret("first-secret"))
    for unseen in ("\u200b", "\u200d", "\u202e", "\ufe0f", "\u00ad", "\x00", "\U000e0061"):
        assert scrubber.text(unseen.join("first-secret")) == MASK
        assert scrubber.json([f"<{unseen.join('first-secret')}>"]) == [f"<{MASK}>"]
    for control in ("\x08", "\x0c", "\x1b", "\x7f"):
        assert scrubber.json([f"a{control}b"]) in (["ab"], ["a b"])


def test_what_is_cut_was_scrubbed() -> None:
    scrubber = Scrubber()
    scrubber.learn(Secret(TEXT))
    for at in range(len(TEXT) + 2):
        text = f"{'x' * at}{TEXT}{'y' * 40}"
        for longest in range(1, len(text)):
            for part in (
                cut(scrubber.text(text), longest, "…"),
                last(scrubber.text(text), longest),
            ):
                assert len(part) <= longest + 1
                assert all(TEXT[n : n + 8] not in part for n in range(len(TEXT) - 8))
    family = "\U0001f468\u200d\U0001f469"
    assert [cut(scrubber.text(family), n) for n in (1, 2, 3)] == [family[0], family[0], family]
    for way in (cut, last):
        with pytest.raises(TypeError):
            way("text", 2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_what_is_too_short_to_be_a_secret_stays() -> None:
    scrubber = Scrubber()
    scrubber.learn(Secret("abc"))
    assert scrubber.text("abc") == "abc"


def test_a_flood_of_what_arrives_displaces_no_credential() -> None:
    scrubber = Scrubber()
    scrubber.learn(Secret(TEXT))
    for number in range(3000):
        scrubber.learn(Secret(sha256(b"%d" % number).hexdigest()), arrived=True)
    assert scrubber.text(TEXT) == MASK
    assert scrubber.text(sha256(b"2999").hexdigest()) == MASK
    assert scrubber.text(sha256(b"0").hexdigest()) != MASK


@pytest.mark.parametrize("length", [999, 1_000, 1_001, 1_500, 4_321])
def test_of_a_long_one_that_arrived_nothing_is_seen(length: int) -> None:
    scrubber = Scrubber()
    token = "".join(sha256(b"%d" % at).hexdigest() for at in range(80))[:length]
    scrubber.learn(Secret(token), arrived=True)
    for written in (token, token.encode().hex(), base64.b64encode(b"a" + token.encode()).decode()):
        left = scrubber.text(f"<{written}>").replace(MASK, "")
        assert all(left[at : at + 8] not in written for at in range(len(left) - 9))
        assert len(left) < 30


def test_of_each_owner_the_latest_are_masked_and_no_owner_displaces_another() -> None:
    scrubber = Scrubber()
    names = [f"company-{number}" for number in range(200)]
    for generation in range(20):
        for name in names:
            scrubber.learn(Secret(f"{name} has token {generation:03}"), owner=name)
    for name in names:
        assert scrubber.text(f"<{name} has token 019>") == f"<{MASK}>"
        assert scrubber.text(f"<{name} has token 016>") == f"<{MASK}>"
        assert scrubber.text(f"{name} has token 000") != MASK
    scrubber.learn(Secret("company-0 has token 010"), owner="company-0")
    scrubber.learn(Secret("company-0 has token 010"), owner="company-0")
    assert scrubber.text("company-0 has token 010") == MASK


def test_what_is_in_use_stays_masked_however_much_else_its_owner_had() -> None:
    """A client's secret lives on while one token after the other is renewed."""
    scrubber = Scrubber()
    scrubber.learn(Secret(TEXT), owner="paris")
    for generation in range(40):
        scrubber.learn(Secret(f"token number {generation:03}"), owner="paris")
        assert scrubber.text(f"<{TEXT}>") == f"<{MASK}>"
        scrubber.learn(Secret(TEXT), owner="paris", pair=Secret("some-client-id"))
        assert scrubber.text(f"<{TEXT}>") == f"<{MASK}>"
    pair = base64.b64encode(f"some-client-id:{TEXT}".encode()).decode()
    assert scrubber.text(f"<{pair}>") == f"<{MASK}>"


def test_what_was_displaced_is_masked_again_as_soon_as_it_is_used() -> None:
    scrubber = Scrubber()
    for round_ in range(3):
        scrubber.learn(Secret(TEXT), owner="paris")
        assert scrubber.text(f"<{TEXT}>") == f"<{MASK}>"
        for number in range(20):
            scrubber.learn(Secret(f"token {round_} number {number:03}"), owner="paris")
            assert scrubber.text(f"token {round_} number {number:03}") == MASK
        assert scrubber.text(f"<{TEXT}>") == f"<{TEXT}>"


def test_the_longest_is_masked_whether_there_are_few_or_many() -> None:
    for many in (0, 300):
        scrubber = Scrubber()
        for text in (
            "first-secret",
            "first-secret-and-more",
            *map(str, range(10**9, 10**9 + many)),
        ):
            scrubber.learn(Secret(text), owner=text)
        assert scrubber.text("a first-secret-and-more, a first-secret.") == f"a {MASK}, a {MASK}."
        assert scrubber.json(["first-secre", {"first-secret": 1}]) == ["first-secre", {MASK: 1}]


def test_half_a_character_is_no_obstacle() -> None:
    scrubber = Scrubber()
    scrubber.learn(Secret("half \ud800 a character"), pair=Secret("\udcff"), arrived=True)
    assert scrubber.json(["half \ud800 a character"]) == [MASK]


def test_json_within_json() -> None:
    scrubber = Scrubber()
    scrubber.learn(Secret(TEXT))
    assert scrubber.json({"body": json.dumps({"a": TEXT})}) == {"body": f'{{"a": "{MASK}"}}'}


def test_what_is_learned_later_is_found_too() -> None:
    scrubber = Scrubber()
    assert scrubber.json({"a": "first-secret"}) == {"a": "first-secret"}
    for text in ("first-secret", "second-secret"):
        scrubber.learn(Secret(text), arrived=True)
        assert scrubber.json({"a": f"<{text}>"}) == {"a": f"<{MASK}>"}
        assert scrubber.text(text) == MASK


def test_it_stays_quick_over_years_of_renewals() -> None:
    """Texts of 64 KiB against all tokens a busy server can have seen lately."""
    scrubber = Scrubber()
    for number in range(6000):
        token = sha256(b"%d" % number).hexdigest()
        scrubber.learn(Secret(token), owner=f"company-{number % 300}")
    text = "lorem ipsum dolor sit amet, 0123456789abcdef " * 1450
    taken: list[float] = []
    for number in range(6000, 6005):
        token = sha256(b"%d" % number).hexdigest()
        start = time.thread_time()
        scrubber.learn(Secret(token), owner="company-0")
        assert scrubber.text(text + token).endswith(MASK)
        taken.append(time.thread_time() - start)
    assert min(taken) < 0.1


@pytest.mark.parametrize("name", VARIABLES)
def test_the_secrets_of_the_environment_are_known_and_none_is_quoted_in_part(name: str) -> None:
    for text in (TEXT, f"{TEXT} of {name} " + "and so on, " * 10):
        scrubber = scrubber_for({name: f"{text}\n"})
        assert scrubber.text(f"There is no `{text.strip()}`.") == f"There is no `{MASK}`."
        said = scrubber.text(f"There is no `{quoted(text.strip())}`.")
        assert said == f"There is no `{MASK if text == TEXT else '…'}`."


def test_every_variable_that_holds_a_secret_is_known() -> None:
    """Whatever variable the package names, but for what is public or only leads to a secret."""
    found = {
        name
        for path in PACKAGE.rglob("*.py")
        for name in re.findall(r"AIRCALL_[A-Z_]+[A-Z]", path.read_text("utf-8"))
    }
    public = {
        "AIRCALL_MCP_BASE_URL", "AIRCALL_MCP_CA_BUNDLE", "AIRCALL_MCP_COMPLETE", "AIRCALL_MCP_HOME",
        "AIRCALL_MCP_NO_TOKEN", "AIRCALL_MCP_TIME_ZONE", "AIRCALL_MCP_VAULT_KEY_FILE",
    }  # fmt: skip
    assert found - public - {"AIRCALL_HOST", "AIRCALL_CLIENT", "AIRCALL_MCP"} == set(VARIABLES)


def test_secrets_in_json() -> None:
    value = {"webhooks": [{"token": "one", "id": 1}, {"token": None}], "meta": {"token": "two"}}
    assert list(secrets_in(value, {"token"})) == [Secret("one"), Secret("two")]
    assert list(secrets_in(value, ())) == list(secrets_in("token", {"token"})) == []
