"""`aircall-mcp doctor`."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, Literal

import click

from .. import __version__
from ..errors import AircallMCPError, SettingsError, StoreError, ToolError
from ..ground.config import unknown_variables
from ..ground.home import home_in
from ..ground.private_files import ELSEWHERE, Modes
from ..protocol.bearer import FILE, open_at
from ..safety import RESUME, Brake
from . import options, screen

if TYPE_CHECKING:
    from ..app import App
    from ..drift.survey import Survey

REPORT = (
    "aircall-mcp doctor --probe --output FILE writes them down for a bug report; nothing of your"
    " company is in it."
)
MARKS = {"good": ("✓", "green"), "attention": ("!", "yellow"), "bad": ("✗", "red")}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `next` says what to do, where there is something to do."""

    what: str
    state: Literal["good", "attention", "bad"]
    said: str
    next: str = ""


@click.command("doctor")
@click.option(
    "--probe",
    is_flag=True,
    help="Also compare Aircall's answers with our description, by some sixty reads.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="With --probe: write the differences there, for a bug report. It has none of your data.",
)
@options.upstream
@options.as_json
def command(probe: bool, output: Path | None, as_json: bool, **flags: Any) -> None:
    """Check everything a user would otherwise ask about, and say what to do."""
    if output is not None and not probe:
        raise click.UsageError("--output needs --probe.")
    surveys: list[Survey] = []
    findings = [
        replace(found, said=options.scrubbed(found.said), next=options.scrubbed(found.next))
        for found in _look(flags, surveys if probe else None)
    ]
    if output is not None:
        findings += _written(output, surveys)
    if as_json:
        from ..drift import report

        told = {"probe": report.as_json(surveys[0])} if surveys else {}
        options.print_json({"findings": [asdict(finding) for finding in findings], **told})
    else:
        _show(findings)
    if any(finding.state == "bad" for finding in findings):
        raise click.exceptions.Exit(1)


def _look(flags: dict[str, Any], surveys: list[Survey] | None) -> Iterator[Finding]:
    """All findings; where `surveys` are wanted, one is made, and put there."""
    yield from _brake()
    yield Finding(
        "version",
        "good",
        f"aircall-mcp {__version__}, Python {platform.python_version()} at {sys.executable}",
    )
    try:
        app = options.app(**flags)
    except AircallMCPError as error:
        yield Finding("settings", "bad", error.message, error.hint)
        return
    for name, hint in unknown_variables(os.environ):
        yield Finding(
            "variables", "attention", f"{name} is not a known variable", hint or "Unset it."
        )
    settings = app.settings
    registry = app.desk.registry
    yield Finding(
        "tools",
        "good",
        f"{len(app.desk.offer())} offered of {len(registry.known)}, surface {settings.surface}",
    )
    yield _home(settings)
    yield _log(settings)
    yield from _http(settings)
    at_sandbox, answers = _asked(app, surveys)
    yield from _aircall(settings, at_sandbox)
    yield Finding(
        "budget",
        "good",
        f"{settings.requests_per_minute} requests a minute",
        "Aircall's newer documentation says 120 per company; set requests_per_minute to raise it.",
    )
    yield from answers


def _brake() -> Iterator[Finding]:
    """First of all, since nothing that is done works while it is pulled."""
    pulled = Brake(home_in(os.environ)).pulled()
    if pulled is not None and pulled.trouble:
        yield Finding("stopped", "bad", f"{pulled}, so only reads are done", ELSEWHERE)
    elif pulled is not None:
        said = f"{pulled}; only reads are done"
        yield Finding("stopped", "attention", said, RESUME)


def _home(settings: Any) -> Finding:
    home = settings.home
    there = home
    while not os.path.lexists(there):
        there = there.parent
    try:
        # Nothing else tells of a full disk, of a network drive, and of what root may do.
        with TemporaryFile(dir=there):
            pass
    except OSError as error:
        return Finding("home", "bad", f"{home} cannot be written: {error.strerror}", ELSEWHERE)
    if there != home:
        return Finding("home", "good", f"{home} (made when it is first needed)")
    try:
        Modes().directory(home)
    except StoreError as error:
        return Finding("home", "attention", error.message, error.hint)
    return Finding("home", "good", str(home))


def _log(settings: Any) -> Finding:
    file = settings.log_file
    try:
        Modes().sound(file.parent)
        Modes().examine(file)
    except FileNotFoundError:
        pass  # not made yet
    except StoreError as error:
        return Finding("log", "attention", error.message, error.hint)
    if os.path.lexists(file) and not os.access(file, os.W_OK):
        return Finding(
            "log", "bad", f"{file} cannot be written", f"Remove it, or: chmod 600 {file}"
        )
    return Finding("log", "good", str(file))


def _http(settings: Any) -> Iterator[Finding]:
    """Who may use MCP over HTTP, where it is or was served."""
    where = f"http://{settings.host}:{settings.port}/mcp"
    whom = "everybody on this machine, who can then act as you"
    if settings.no_token:
        off = "Remove no_token from config.toml, and AIRCALL_MCP_NO_TOKEN from the environment."
        yield Finding("http", "attention", f"MCP at {where} is for {whom} (no_token)", off)
    elif open_at(settings.host, settings.port):
        told = f"MCP at {where} answers {whom} (--no-token)"
        yield Finding("http", "attention", told, "Start that server without --no-token.")
    elif (settings.home / FILE).exists():
        yield Finding("http", "good", f"MCP over HTTP needs the key in {settings.home / FILE}")


def _aircall(settings: Any, at_sandbox: bool) -> Iterator[Finding]:
    where = settings.base_url
    if at_sandbox:
        ours = "the sandbox: no account needed, no phone rings"
        there = f"a sandbox of ours answers at {where}: no phone rings"
        yield Finding("aircall", "good", ours if settings.sandbox else there)
        if settings.ask:
            yield _policy(settings)
        else:
            yield Finding("allowed", "good", "everything, since this is a sandbox")
        return
    local = ", which counts as the real host" if settings.base_url.startswith("http:") else ""
    yield Finding("aircall", "good", f"{where}{local}")
    yield _policy(settings)


def _policy(settings: Any) -> Finding:
    """What goes without a question, by the file or by --allow."""
    from ..safety.policy_file import NAME, policy_in
    from .policy import names

    try:
        policy = policy_in(settings.home, *names())
    except (SettingsError, StoreError) as error:
        words = f"{error.message} Until then only reads are done."
        return Finding("allowed", "bad", words, error.hint or "aircall-mcp policy edit")
    standing = ", ".join(settings.allow)
    if policy.written:
        bound = (
            f"; --allow {standing} is not asked about, within the policy's bans and caps"
            if standing
            else ""
        )
        where = f"{settings.home / NAME}{bound}"
        return Finding("allowed", "good", where, "aircall-mcp policy show")
    if standing:
        words = (
            f"--allow {standing}: done without asking, to any country and at any hour, since there"
            " is no policy.toml"
        )
        return Finding("allowed", "attention", words, "aircall-mcp policy edit")
    words = (
        "reads and harmless changes; a person is asked about the rest, unless a client's own"
        " config says --allow"
    )
    return Finding("allowed", "good", words, "aircall-mcp policy show")


def _asked(app: App, surveys: list[Survey] | None) -> tuple[bool, list[Finding]]:
    """Whether it is our sandbox that answers, and what is answered: of the credential, of our
    webhooks where there are some, and by a survey where one is wanted."""
    import anyio

    async def ask() -> tuple[bool, list[Finding]]:
        async with app:
            at_sandbox = await app.desk.at_sandbox()
            found = [await _credential(app), *await _webhooks(app)]
            if found[0].state == "good" and (app.settings.ask or not at_sandbox):
                found += await _strays(app)
            if surveys is not None and found[0].state == "good":
                found += await _surveyed(app, surveys)
            return at_sandbox, found

    return anyio.run(ask)


async def _credential(app: Any) -> Finding:
    from ..ground.caller import Caller

    try:
        result = await app.desk.call("aircall_ping", {}, Caller(interface="cli"))
    except ToolError as error:
        return Finding("credential", "bad", error.message, _else(error.hint))
    if not result.is_error:
        return Finding("credential", "good", "accepted (ping answered pong)")
    error = result.payload["error"]
    return Finding("credential", "bad", error["message"], _else(error.get("hint", "")))


async def _strays(app: App) -> list[Finding]:
    """What the policy names as a number of the company that is none of its numbers."""
    from .policy import LISTED, strays_in

    try:
        return [Finding("policy", "attention", one, LISTED) for one in await strays_in(app)]
    except (SettingsError, StoreError):
        return []  # the finding of the policy itself says it


def _else(hint: str) -> str:
    """What else to do: who runs the doctor need not be sent to it."""
    sentences = re.split(r"(?<=[.?]) ", hint)
    return " ".join(one for one in sentences if "aircall-mcp doctor" not in one)


async def _webhooks(app: Any) -> list[Finding]:
    """How ours stand, and what came in by one that somebody changed. Nothing is mended."""
    from .webhooks import in_words, polling_in_words

    events = app.events
    if not events.log.exists:
        return []
    try:
        ours = events.subscriptions(events.account)
        standing, untrusted = await ours.status(), await ours.untrusted()
    except AircallMCPError as error:
        return [Finding("webhooks", "bad", error.message, error.hint)]
    findings: list[Finding] = []
    for one in standing:
        said = f"{one.webhook.name} is {one.state}" + (f": {one.fault}" if one.fault else "")
        active: Literal["good", "attention"] = "attention" if one.fault else "good"
        state = active if one.state == "active" else "bad"
        findings.append(Finding("webhooks", state, said, one.next))
    findings += [Finding("polling", "good", polling_in_words(one)) for one in events.polling()]
    findings += [
        Finding(
            "events", "attention", in_words(one), "Check what was done because of these events."
        )
        for one in untrusted
    ]
    return findings


async def _surveyed(app: App, surveys: list[Survey]) -> list[Finding]:
    from ..drift.report import in_words

    def tell(done: int, of: int, what: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\033[Kreading {done + 1} of about {of}: {what}", err=True, nl=False)

    try:
        found = await app.survey(tell)
    except AircallMCPError as error:
        return [Finding("probe", "bad", error.message, _else(error.hint))]
    finally:
        if sys.stderr.isatty():
            click.echo("\r\033[K", err=True, nl=False)
    surveys.append(found)
    looked = f"{found.requests} reads, {len(found.looked)} operations answered"
    findings = [Finding("probe", "good", f"{looked}; nothing differs from our description")]
    if found.differences:
        said = f"{looked}; our description differs in: {len(found.differences)}"
        findings = [Finding("probe", "attention", said, REPORT)]
        findings += [Finding("differs", "attention", in_words(one)) for one in found.differences]
    whys: dict[str, list[str]] = {}
    for one in found.unseen:
        whys.setdefault(one.why, []).append(one.of)
    said = "; ".join(f"{', '.join(of)} ({why})" for why, of in whys.items())
    return [*findings, Finding("unseen", "good", f"not looked at: {said}")] if said else findings


def _written(output: Path, surveys: list[Survey]) -> Iterator[Finding]:
    from ..drift import report

    if not surveys:
        yield Finding("report", "bad", "nothing was compared, so nothing was written")
        return
    today = datetime.now(UTC).date().isoformat()
    try:
        output.write_text(report.as_toml(surveys[0], version=__version__, day=today), "utf-8")
    except OSError as error:
        yield Finding("report", "bad", f"{output} cannot be written: {error.strerror}")
        return
    yield Finding("report", "good", f"{output}: read it, then attach it to a bug report")


def _show(findings: list[Finding]) -> None:
    for finding in findings:
        mark, colour = MARKS[finding.state]
        what = click.style(f"{finding.what:<12}", bold=True)
        rest = " " * 15
        screen.show(finding.said, first=f" {click.style(mark, fg=colour)} {what}", rest=rest)
        if finding.next:
            screen.show(f"next: {finding.next}", first=rest, rest=rest, style="cyan")
