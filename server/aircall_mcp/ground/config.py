"""The owner's choices: command line over environment over `config.toml`.

Every choice is a field of `Settings`; `AIRCALL_MCP_<FIELD>` sets it from the environment and the
same key in `config.toml`. Credentials are not choices and never stand here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from ..errors import SettingsError, StoreError
from .effects import Allowance
from .home import OTHER_VARIABLES, PREFIX, home_in
from .nearest import closest, nearest
from .private_files import Modes
from .secrets import LOOPBACK
from .written import text_of

AIRCALL = "https://api.aircall.io"


def _names(value: Any) -> Any:
    """`a, b` as the tuple it means; anything else as it came."""
    if not isinstance(value, str):
        return value
    return tuple(name for name in map(str.strip, value.split(",")) if name)


class NoZone(ValueError):
    """What was given is no time zone that is known here; `hint` is the nearest."""

    def __init__(self, given: str) -> None:
        super().__init__("must be an IANA zone such as Europe/Paris")
        known = sorted(available_timezones())
        # People say the city: half of them would leave the continent out.
        named = {zone.rpartition("/")[2].lower(): zone for zone in known}
        named |= {zone.lower(): zone for zone in known}
        word = given.strip().lower().replace(" ", "_")
        close = named.get(word) or next(iter(closest(word, named)), "")
        self.hint = f"Did you mean `{named.get(close, close)}`?" if close else ""


def known_zone(value: str) -> str:
    """`value`, where it names a time zone of IANA's. Raises `NoZone`, with the nearest name."""
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise NoZone(value) from None
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Surface = Literal["full", "tasks", "search"]
"""What is listed: every tool; those for whole tasks; those that find and perform the others."""
SURFACES: tuple[Surface, ...] = get_args(Surface)
Zone = Annotated[str, AfterValidator(known_zone)]
"""The name of an IANA time zone that is known here."""


class Settings(BaseModel):
    """The choices, checked. `docs/configuration.md` is written from the descriptions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path = Field(
        description="Directory of all files of this server. Default: `~/.local/share/aircall-mcp`,"
        " on macOS `~/Library/Application Support/aircall-mcp`, on Windows"
        " `%LOCALAPPDATA%\\aircall-mcp`."
    )
    base_url: str = Field(
        AIRCALL, description="Address of Aircall's API: https, or http on the loopback address."
    )
    sandbox: bool = Field(
        False, description="Use the built-in sandbox: no account, and no phone rings."
    )
    account: str | None = Field(
        None, description="Name of the account to act for, if there are several."
    )
    surface: Surface = Field(
        "full",
        description="All tools; or the tools for whole tasks, search and what performs its results;"
        " or only search and what performs its results.",
    )
    toolsets: Names = Field((), description="Only these toolsets.")
    tools: Names = Field((), description="Only these tools, or these in addition to the toolsets.")
    exclude_tools: Names = Field((), description="Without these tools.")
    read_only: bool = Field(
        False, description="Only tools that read; wins over all other settings."
    )
    include_deprecated: bool = Field(
        False, description="Also the operations that Aircall has retired."
    )
    allow: Annotated[tuple[Allowance, ...], BeforeValidator(_names)] = Field(
        (),
        description="What a real account may be asked to do without a person's yes: the effects"
        " `reach` and `delete`, the stakes `exposes` and `administers`.",
    )
    ask: bool = Field(
        False, description="Ask for a person's yes in the sandbox, too, as on a real account."
    )
    page: Literal["off", "named", "opened"] = Field(
        "named",
        description="The page on this machine for pending approvals: none, named in the answer, or"
        " also opened in the system's browser.",
    )
    time_zone: Zone | None = Field(
        None,
        description="IANA zone for times without one; by default the zone of most users.",
    )
    requests_per_minute: int = Field(
        60,
        ge=1,
        le=100_000,
        description="Aircall's limit for one company; its newer documentation says 120.",
    )
    longest_wait: float = Field(
        20.0, ge=0, le=600, description="Seconds a call waits for the request limit."
    )
    transport: Literal["stdio", "http"] = Field("stdio", description="How clients connect.")
    no_instant: bool = Field(
        False,
        description="Over stdio: answer only after everything is loaded.",
    )
    host: str = Field("127.0.0.1", description="Address of MCP over HTTP: loopback only.")
    port: int = Field(8000, ge=1, le=65_535, description="Port of MCP over HTTP.")
    no_token: bool = Field(
        False,
        description="Let everybody on this machine use MCP over HTTP, without its key.",
    )
    webhooks_host: str = Field(
        "127.0.0.1", description="Address of the receiver of Aircall's webhooks."
    )
    webhooks_port: int | None = Field(
        None,
        ge=1,
        le=65_535,
        description="Port of that receiver; `serve` opens it only if this is set.",
    )
    public_url: str | None = Field(
        None, description="https URL under which Aircall reaches that receiver."
    )
    poll: bool = Field(
        True,
        description="`serve` polls the list of calls if no webhook reports them.",
    )
    events_days: float | None = Field(
        30.0, gt=0, description="Days for which events are kept, except messages."
    )
    events_megabytes: int = Field(
        1024, ge=1, description="Size of the event log above which the oldest events are deleted."
    )
    messages_days: float | None = Field(
        None, gt=0, description="Days for which messages are kept; by default for ever."
    )
    proxy: str | None = Field(
        None, description="URL of an HTTP proxy; the usual proxy variables are not read."
    )
    ca_bundle: Path | None = Field(
        None,
        description="PEM file of the certificate authorities to trust instead of the system's.",
    )
    call_timeout: float = Field(
        25.0, gt=0, le=600, description="Seconds that one request to Aircall may take."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least important level that is logged."
    )

    @field_validator("base_url")
    @classmethod
    def _pinned(cls, value: str) -> str:
        url = urlsplit(value)
        loopback = url.scheme == "http" and url.hostname in LOOPBACK
        if not (url.scheme == "https" or loopback) or not url.hostname:
            raise ValueError("must be https, or http on the loopback address")
        extras = (url.username, url.password, url.query, url.fragment, url.path.strip("/"))
        if url.port == 0 or any(extras):
            raise ValueError("must be scheme, host and port alone")
        return value.rstrip("/")

    @field_validator("proxy")
    @classmethod
    def _proxy_url(cls, value: str | None) -> str | None:
        if value is not None:
            url = urlsplit(value)
            if url.scheme not in ("http", "https", "socks5") or not url.hostname or url.port == 0:
                raise ValueError("must be a URL such as http://proxy.example:8080")
        return value

    @field_validator("ca_bundle")
    @classmethod
    def _readable(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError("must be a file of PEM certificates")
        return value

    @property
    def loopback(self) -> str:
        """The address of this machine that is asked, if it is one: plain http goes nowhere else."""
        return self.base_url if self.base_url.startswith("http:") and not self.sandbox else ""

    @property
    def log_file(self) -> Path:
        return log_in(self.home)


def settings_from(
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    typed: bool = True,
) -> Settings:
    """Read file, environment and flags (None = not given), in rising order of say. Unless `typed`,
    the flags are arguments of a function, and errors call them so.

    Raises `SettingsError` naming the key and where it stands; an unknown key of the file is
    refused with the nearest known one; unknown variables are left alone (`unknown_variables`).
    """
    environment = os.environ if environment is None else environment
    home = home_in(environment)
    file = home / "config.toml"
    chosen: dict[str, Any] = {"home": home}
    sources: dict[str, str] = {}
    for key, value in _read(file).items():
        if key not in Settings.model_fields or key == "home":
            raise SettingsError(
                f"{file}: unknown key `{key}`.", hint=nearest(key, Settings.model_fields)
            )
        chosen[key], sources[key] = value, str(file)
    for key in Settings.model_fields:
        variable = f"{PREFIX}{key.upper()}"
        if key != "home" and environment.get(variable):
            chosen[key], sources[key] = environment[variable], variable
    for key, value in (flags or {}).items():
        if value is not None:
            chosen[key] = value
            sources[key] = f"--{key.replace('_', '-')}" if typed else f"argument `{key}`"
    try:
        return Settings(**chosen)
    except ValidationError as error:
        key, words, hint = fault_of(error)
        where = sources.get(key, key)
        named = f"{where}: `{key}`" if where == str(file) else f"{where}:"
        raise SettingsError(f"{named} {words}.", hint=hint) from None


def fault_of(error: ValidationError) -> tuple[str, str, str]:
    """The first thing wrong as a person says it: the field, what it must be, and the nearest right
    word where there is one. What was given is never repeated.
    """
    first = error.errors(include_url=False)[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    kind, more = first["type"], first.get("ctx", {})
    if kind == "value_error":
        return key, str(more["error"]), getattr(more["error"], "hint", "")
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", more["expected"])
        return key, f"must be one of {', '.join(known)}", nearest(str(first["input"]), known)
    hint = nearest(key, Settings.model_fields) if kind == "extra_forbidden" else ""
    return key, _RULES.get(kind, "does not fit").format(**more), hint


_RULES = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "extra_forbidden": "is not known",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a number of fewer digits",
    "int_type": "must be a whole number",
    "less_than_equal": "must be at most {le}",
    "missing": "is missing",
    "path_type": "must be a path",
    "string_pattern_mismatch": "holds a character that may not be there",
    "string_type": "must be text",
    "tuple_type": "must be a list of words, or words with commas between them",
}
"""What the checks of our models say, in our words."""


def unknown_variables(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Each variable of ours that nobody reads, with the nearest that somebody does: a typing error
    there would otherwise leave a choice unmade without a word.
    """
    known = {key.upper() for key in Settings.model_fields} | OTHER_VARIABLES
    ours = (name.removeprefix(PREFIX) for name in sorted(environment) if name.startswith(PREFIX))
    return [
        (PREFIX + name, nearest(name, known).replace("`", f"`{PREFIX}", 1))
        for name in ours
        if name not in known
    ]


def log_in(home: Path) -> Path:
    """The file that is logged to."""
    return home / "log" / "server.log"


def _read(file: Path) -> dict[str, Any]:
    text = ""
    try:
        text = text_of(Modes().read_written(file) or b"")
        if not text:
            return {}
        import tomllib

        return tomllib.loads(text)
    except StoreError as error:
        raise SettingsError(error.message, hint=error.hint) from None
    except OSError as error:
        raise SettingsError(
            f"{file}: cannot be read: {error.strerror}.",
            hint="Make it a file that you may read, or set AIRCALL_MCP_HOME to another directory.",
        ) from None
    except ValueError as error:  # TOML's own says the line, but for the last one
        last = f"at line {len(text.splitlines())}, the end of the file"
        said = str(error).replace("at end of document", last)
        raise SettingsError(
            f"{file}: cannot be read: {said}.", hint="Each line is `key = value`, text in quotes."
        ) from None
