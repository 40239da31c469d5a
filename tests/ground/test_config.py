from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import aircall_mcp
from aircall_mcp.errors import SettingsError
from aircall_mcp.ground.config import AIRCALL, Settings, settings_from, unknown_variables


def write(home: Path, text: str) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.toml").write_text(text, "utf-8")


def read(home: Path, flags: dict[str, Any] | None = None, **environment: str) -> Settings:
    return settings_from(flags, {"AIRCALL_MCP_HOME": str(home), **environment})


def test_without_any_choice_the_real_host_is_asked_and_nobody_is_reached(home: Path) -> None:
    settings = read(home)
    assert settings.base_url == AIRCALL == "https://api.aircall.io"
    assert settings.allow == ()
    assert settings.sandbox is False
    assert settings.requests_per_minute == 60
    assert settings.log_file == home / "log" / "server.log"
    assert not home.exists()


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(home: Path) -> None:
    write(home, 'surface = "search"\nrequests_per_minute = 30\nlog_level = "debug"')
    settings = read(
        home, {"requests_per_minute": 120, "surface": None},
        AIRCALL_MCP_REQUESTS_PER_MINUTE="90", AIRCALL_MCP_LOG_LEVEL="error",
    )  # fmt: skip
    assert settings.requests_per_minute == 120
    assert settings.log_level == "error"
    assert settings.surface == "search"


def test_lists_are_written_with_commas_or_as_lists(home: Path) -> None:
    write(home, 'toolsets = ["calls", "tags"]')
    settings = read(home, {"tools": "get_call, list_tags,"}, AIRCALL_MCP_ALLOW="reach,delete")
    assert settings.toolsets == ("calls", "tags")
    assert settings.tools == ("get_call", "list_tags")
    assert settings.allow == ("reach", "delete")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"allow": "rech"}, "--allow"),
        ({"surface": "small"}, "--surface"),
        ({"base_url": "http://api.aircall.io"}, "must be https"),
        ({"base_url": "https://user:pass@api.aircall.io"}, "scheme, host and port alone"),
        ({"base_url": "https://api.aircall.io/v1"}, "scheme, host and port alone"),
        ({"base_url": "https://api.aircall.io?x=1"}, "scheme, host and port alone"),
        ({"base_url": "https://127.0.0.1:99999"}, "--base-url"),
        ({"base_url": "https://["}, "--base-url"),
        ({"base_url": "ftp://127.0.0.1"}, "must be https"),
        ({"base_url": "http://127.0.0.1.evil.example"}, "must be https"),
        ({"time_zone": "Paris"}, "must be an IANA zone such as Europe/Paris"),
        ({"time_zone": "../../etc/passwd"}, "IANA zone"),
        ({"requests_per_minute": 0}, "--requests-per-minute"),
        ({"call_timeout": -1}, "--call-timeout"),
        ({"proxy": "proxy.example:8080"}, "--proxy"),
        ({"ca_bundle": "/no/such/file.pem"}, "--ca-bundle"),
    ],
)
def test_a_choice_that_cannot_be_followed_is_refused_with_its_name(
    home: Path, flags: dict[str, Any], words: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        read(home, flags)
    assert words in caught.value.message
    assert "pass@" not in caught.value.message


def test_an_unknown_key_of_the_file_is_refused_with_the_nearest_known_one(home: Path) -> None:
    write(home, "requests_per_minut = 1")
    with pytest.raises(SettingsError) as caught:
        read(home)
    assert "config.toml: unknown key `requests_per_minut`" in caught.value.message
    assert caught.value.hint == "Did you mean `requests_per_minute`?"


def test_an_unknown_variable_is_left_alone_and_home_is_no_key_of_the_file(home: Path) -> None:
    assert read(home, AIRCALL_MCP_SOMETHING="1").home == home
    write(home, 'home = "/elsewhere"')
    with pytest.raises(SettingsError, match="unknown key `home`"):
        read(home)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"port = 1\na = ", "line 2, the end of the file"),
        (b"port = 1\n\n= 1", "line 3"),
        (b"port = 1\r\n\r\nallow = [reach]", "line 3"),
        (b"port = 1\nport = 2\n", "line 2"),
        (b'port = 1\naccount = "caf\xe9"\n', "line 2 is no text in UTF-8"),
        ('port = 1\nport = "'.encode("utf-16"), "line 2"),
        (b"\xff\xfea\x00\n\x00\x00\xd8", "line 2 is no text"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_by_name_and_line(
    home: Path, content: bytes, place: str
) -> None:
    home.mkdir(parents=True)
    (home / "config.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=rf"config\.toml: cannot be read: .*({place})"):
        read(home)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-16-be+bom"]
)
def test_a_file_is_read_however_an_editor_saved_it(home: Path, encoding: str) -> None:
    text = 'requests_per_minute = 90\r\naccount = "caf\u00e9"\r\n'
    name, _, bom = encoding.partition("+")
    home.mkdir(parents=True)
    (home / "config.toml").write_bytes((("\ufeff" if bom else "") + text).encode(name))
    settings = read(home)
    assert (settings.requests_per_minute, settings.account) == (90, "caf\u00e9")


def test_a_directory_in_the_place_of_the_file_is_said(home: Path) -> None:
    (home / "config.toml").mkdir(parents=True)
    with pytest.raises(SettingsError, match=r"config\.toml is no plain file"):
        read(home)


def test_the_wrong_value_names_where_it_stands(home: Path) -> None:
    write(home, 'log_level = "loud"')
    with pytest.raises(SettingsError, match=r"config\.toml: "):
        read(home)
    with pytest.raises(SettingsError, match="AIRCALL_MCP_SURFACE: "):
        read(home, {"log_level": "info"}, AIRCALL_MCP_SURFACE="tiny")


THEIRS = ("Input should", "Value error", "Field required", "unable to", "valid ", "Assertion")
"""How Pydantic speaks."""


@pytest.mark.parametrize("field", [name for name in Settings.model_fields if name != "home"])
@pytest.mark.parametrize("wrong", ["", "x", "-1", "1e99", 1.5, -1, 10**30, True, [], [1], {}, "\0"])
def test_no_refusal_speaks_another_s_words(home: Path, field: str, wrong: Any) -> None:
    said = f"--{field.replace('_', '-')}: must be"
    try:
        read(home, {field: wrong})
    except SettingsError as error:
        said = error.message
    assert not any(word in said for word in (*THEIRS, "does not fit"))
    assert said.startswith(f"--{field.replace('_', '-')}: ")


@pytest.mark.parametrize(
    ("given", "said", "hint"),
    [
        ({"surface": "serch"}, "must be one of full, tasks, search.", "Did you mean `search`?"),
        ({"allow": "reech"}, "must be one of", "Did you mean `reach`?"),
        ({"time_zone": "paris"}, "IANA zone", "Did you mean `Europe/Paris`?"),
        ({"time_zone": "europe/paris"}, "IANA zone", "Did you mean `Europe/Paris`?"),
        ({"time_zone": "Europe/Pari"}, "IANA zone", "Did you mean `Europe/Paris`?"),
        ({"time_zone": "New York"}, "IANA zone", "Did you mean `America/New_York`?"),
        ({"port": "eighty"}, "must be a whole number.", ""),
        ({"port": "70000"}, "must be at most 65535.", ""),
        ({"requests_per_minute": "0"}, "must be at least 1.", ""),
        ({"events_days": "0"}, "must be more than 0", ""),
        ({"read_only": "perhaps"}, "must be true or false.", ""),
    ],
)
def test_a_refusal_says_the_rule_and_the_nearest_right_word(
    home: Path, given: dict[str, Any], said: str, hint: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        read(home, given)
    assert said in caught.value.message
    assert caught.value.hint == hint


def test_a_variable_that_nobody_reads_is_named_with_the_nearest_and_without_its_value() -> None:
    environment = {
        "AIRCALL_MCP_READONLY": "true",
        "AIRCALL_MCP_VAULT_PASPHRASE": "a secret",
        "AIRCALL_MCP_ZZZ": "1",
        "AIRCALL_MCP_HOME": "/x",
        "AIRCALL_API_IDD": "not of ours by its beginning",
    }
    assert unknown_variables(environment) == [
        ("AIRCALL_MCP_READONLY", "Did you mean `AIRCALL_MCP_READ_ONLY`?"),
        ("AIRCALL_MCP_VAULT_PASPHRASE", "Did you mean `AIRCALL_MCP_VAULT_PASSPHRASE`?"),
        ("AIRCALL_MCP_ZZZ", ""),
    ]


def test_every_variable_that_the_package_reads_is_known() -> None:
    package = Path(aircall_mcp.__file__).parent
    said = {
        name
        for file in package.rglob("*.py")
        for name in re.findall(r"(?<!_)AIRCALL_MCP_[A-Z_]*[A-Z]", file.read_text("utf-8"))
    }
    assert {"AIRCALL_MCP_VAULT_KEY_FILE", "AIRCALL_MCP_FORWARD_URL"} <= said
    assert unknown_variables(dict.fromkeys(said, "")) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://api.aircall.io",
        "https://proxy.example:8443",
        "http://127.0.0.1:1",
        "http://localhost:80/",
    ],
)
def test_https_anywhere_and_http_on_loopback_are_taken(home: Path, url: str) -> None:
    assert read(home, AIRCALL_MCP_BASE_URL=url).base_url == url.rstrip("/")


def test_credentials_are_no_settings(home: Path) -> None:
    settings = read(home, AIRCALL_API_ID="an-id", AIRCALL_API_TOKEN="a-token")
    assert "a-token" not in repr(settings)
