from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aircall_mcp.errors import SettingsError
from aircall_mcp.ground.config import AIRCALL, Settings, settings_from


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


@pytest.mark.parametrize("content", [b"a = ", b"\xff\xfe", b"= 1"])
def test_a_file_that_cannot_be_read_is_said_by_name(home: Path, content: bytes) -> None:
    home.mkdir(parents=True)
    (home / "config.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=r"config\.toml: cannot be read"):
        read(home)


def test_the_wrong_value_names_where_it_stands(home: Path) -> None:
    write(home, 'log_level = "loud"')
    with pytest.raises(SettingsError, match=r"config\.toml: "):
        read(home)
    with pytest.raises(SettingsError, match="AIRCALL_MCP_SURFACE: "):
        read(home, {"log_level": "info"}, AIRCALL_MCP_SURFACE="tiny")


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
