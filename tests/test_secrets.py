from __future__ import annotations

import ast
import base64
import copy
import json
import pickle
import time
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import pytest
from pydantic import BaseModel, ConfigDict

import aircall_mcp
from aircall_mcp.errors import CredentialError
from aircall_mcp.secrets import MASK, Scrubber, Secret, inside, reveal, sealed, unsealed

TEXT = 'canary "7f3a9c" with/slash+plus&more'
URL = "https://api.aircall.io/v1/ping"
PACKAGE = Path(aircall_mcp.__file__).parent


class TestSecret:
    secret = Secret(TEXT)

    def test_it_does_not_print(self) -> None:
        class Model(BaseModel):
            model_config = ConfigDict(arbitrary_types_allowed=True)
            secret: Secret

        model = Model(secret=self.secret)
        for shown in (
            str(self.secret), repr(self.secret), f"{self.secret:>80}",
            str([self.secret]), repr({"a": self.secret}), repr(model), str(model.model_dump()),
        ):  # fmt: skip
            assert "canary" not in shown

    @pytest.mark.parametrize("door", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps])
    def test_every_door_out_is_shut(self, door: object) -> None:
        assert callable(door)
        with pytest.raises(TypeError) as caught:
            door(self.secret)
        assert "canary" not in str(caught.value)

    def test_it_has_no_dictionary_to_look_into(self) -> None:
        with pytest.raises(TypeError):
            vars(self.secret)

    def test_equality_is_by_value(self) -> None:
        assert self.secret == Secret(TEXT)
        assert self.secret != Secret(TEXT + "x")
        assert self.secret != TEXT
        assert len({self.secret, Secret(TEXT)}) == 1

    def test_the_tail_of_a_short_secret_is_not_shown(self) -> None:
        assert Secret("0123456789abcdef").tail == "…cdef"
        assert Secret("0123456789a").tail == "…"


class TestReveal:
    secret = Secret(TEXT)

    def test_to_its_own_host_over_https(self) -> None:
        assert reveal(self.secret, "sign a request", URL, host="api.aircall.io") == TEXT

    def test_to_loopback_only_where_that_is_the_host(self) -> None:
        local = "http://127.0.0.1:8123/v1/ping"
        assert reveal(self.secret, "sign a request", local, host="127.0.0.1") == TEXT
        with pytest.raises(CredentialError):
            reveal(self.secret, "sign a request", local, host="api.aircall.io")

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
    def test_nowhere_else(self, url: str) -> None:
        with pytest.raises(CredentialError) as caught:
            reveal(self.secret, "sign a request", url, host="api.aircall.io")
        assert "canary" not in caught.value.message + caught.value.hint

    def test_only_these_call_it(self) -> None:
        assert _callers("reveal") == {
            "auth.py",  # signs requests
            "oauth.py",  # writes token requests
            "forwarding.py",  # posts to an address that is itself a secret
        }

    def test_only_these_look_inside(self) -> None:
        assert _callers("inside") == {
            "vault/holders.py",  # reads a key, derives one from a passphrase
            "vault/mailbox.py",  # opens the mailbox of events
            "subscriptions.py",  # keeps a fingerprint of a webhook's token
            "forwarding.py",  # signs what it posts
            "auth.py",  # names a company by a hash of its key's id
            "cli/forward.py",  # tells the person, once, the key that signs what is posted
        }
        assert _callers("sealed") == {"vault/vault.py"}
        assert _callers("unsealed") == {"vault/vault.py"}


def _callers(name: str) -> set[str]:
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr == "_text":
                assert path.name == "secrets.py", path
            called = node.func if isinstance(node, ast.Call) else None
            called_name = getattr(called, "id", getattr(called, "attr", ""))
            if called_name == name and path.name != "secrets.py":
                found.add(path.relative_to(PACKAGE).as_posix())
    return found


def test_only_the_vault_imports_cryptography() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                root = name.partition(".")[0]
                where = path.relative_to(PACKAGE).as_posix()
                assert root != "cryptography" or where.startswith("vault/"), where
                assert root != "authlib" or where == "oauth.py", where
                assert root != "keyring" or where.startswith("vault/"), where


class TestSealing:
    def test_there_and_back(self) -> None:
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

    def test_what_is_no_json_is_refused(self) -> None:
        with pytest.raises(TypeError):
            sealed({"a": object()}, lambda _plain: "")

    def test_inside(self) -> None:
        assert inside(Secret("abc"), len) == 3


class TestScrubber:
    def test_every_form_is_found(self) -> None:
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

    def test_what_is_too_short_to_be_a_secret_stays(self) -> None:
        scrubber = Scrubber()
        scrubber.learn(Secret("abc"))
        assert scrubber.text("abc") == "abc"

    def test_it_stays_quick_over_years_of_renewals(self) -> None:
        """Texts of 64 KiB against all tokens a busy server can have seen lately."""
        scrubber = Scrubber()
        for number in range(3000):
            scrubber.learn(Secret(sha256(b"%d" % number).hexdigest()))
        scrubber.text("")
        text = "lorem ipsum dolor sit amet, 0123456789abcdef " * 1450
        start = time.perf_counter()
        assert scrubber.text(text + sha256(b"2999").hexdigest()).endswith(MASK)
        assert time.perf_counter() - start < 0.1
