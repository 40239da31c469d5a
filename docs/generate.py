"""Write the pages that the program knows better than we do; with `--check` only compare them.

`docs/tools.md` comes from the registry, `docs/cli.md` from every command's own `--help`,
`docs/configuration.md` from `Settings`, the table of clients in the README from `CLIENTS`, and what
is open by default in `docs/security.md` from the registry, the presets of `docs/policy.md` from
their files, the clients of `docs/approvals.md` from `protocol/unseen.py`, how many schemas each
vendor takes in `docs/loops.md` from the forms.
The same code gives the same bytes on every machine. Exit 1 says that a page is stale.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click

from aircall_mcp.cli import group
from aircall_mcp.cli.configs.known_clients import CLIENTS
from aircall_mcp.ground.config import Settings
from aircall_mcp.ground.operation import EFFECTS, Operation
from aircall_mcp.offer import Offer, Registry, Selection
from aircall_mcp.protocol.unseen import HABITS
from aircall_mcp.safety.judge import UNASKED
from aircall_mcp.safety.policy_file import PRESETS, preset_text
from aircall_mcp.spec import load
from aircall_mcp.toolkit.forms import anthropic, gemini, openai
from aircall_mcp.toolkit.view import WHOLE

DOCS = Path(__file__).parent
README = DOCS.parent / "README.md"
APPROVALS = DOCS / "approvals.md"
LOOPS = DOCS / "loops.md"
SECURITY = DOCS / "security.md"
POLICY = DOCS / "policy.md"
WIDTH = 88
"""Columns of a help text: the terminal of whoever runs this has no say."""
WRITTEN = "<!-- Written by docs/generate.py (`make docs`). Do not edit by hand. -->"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args().check
    stale = [page for page, text in pages().items() if _read(page) != text]
    for page in stale:
        name = page.relative_to(DOCS.parent)
        if check:
            print(f"docs: {name} is stale; run `make docs`.", file=sys.stderr)
        else:
            page.write_text(pages()[page], "utf-8")
            print(f"docs: wrote {name}")
    return 1 if check and stale else 0


def pages() -> dict[Path, str]:
    """Every page that is written here, with what belongs in it."""
    return {
        DOCS / "tools.md": "\n".join(_tools()),
        DOCS / "cli.md": "\n".join(_commands()),
        DOCS / "configuration.md": "\n".join(_configuration()),
        README: _between(_read(README), "clients", "\n".join(_clients())),
        POLICY: _between(_read(POLICY), "presets", "\n".join(_presets())),
        APPROVALS: _between(_read(APPROVALS), "unseen", "\n".join(_unseen())),
        LOOPS: _between(_read(LOOPS), "schemas", "\n".join(_schemas())),
        SECURITY: _between(_read(SECURITY), "stakes", "\n".join(_stakes())),
    }


def _unseen() -> Iterator[str]:
    """The clients that answer for their users."""
    yield "| client | versions | does | where | looked up | source |"
    yield "|---|---|---|---|---|---|"
    for one in HABITS:
        first, last = one.versions
        versions = f"{first} to before {last}" if last else f"from {first}"
        what = f"{one.does} unseen" if one.does != "hangs" else "forgets the question"
        cells = (f"`{one.client}`", versions, what, one.where, one.looked, one.source)
        yield f"| {' | '.join(cells)} |"


def _schemas() -> Iterator[str]:
    """How many tools of each surface a vendor's form has; what has none there is left out."""
    registry = Registry.of(load())
    rows: list[tuple[str, ...]] = []
    for surface in ("full", "tasks", "search"):
        tools = WHOLE.tools(Offer(registry, Selection(surface=surface)))
        strict = [openai.parameters(tool, strict=True)["strict"] for tool in tools]
        (declared,) = gemini.form(tools)
        counts = (len(tools), sum(strict), len(declared["function_declarations"]), len(tools),
                  len(anthropic.strict_ones(tools)))  # fmt: skip
        rows.append((f"`{surface}`", *map(str, counts)))
    head = ("surface", "tools", "OpenAI, strict", "Gemini", "Groq", "Anthropic, strict")
    yield from _table(head, rows)


def _tools() -> Iterator[str]:
    registry = Registry.of(load())
    listed = list(Offer(registry, Selection()))
    of = {one: list(Offer(registry, Selection(surface=one))) for one in ("tasks", "search")}
    yield f"# Tools\n\n{WRITTEN}\n"
    yield (
        f"The `full` surface lists {len(listed)} tools unless the owner selects otherwise. `tasks`"
        f" lists {len(of['tasks'])}: those for whole\ntasks, those for events, and the toolset"
        " `search`, which performs all other operations. `search` lists"
        f" {len(of['search'])}.\n"
    )
    yield (
        "*Effect*: `read` changes nothing, `write` changes records of the company, `reach` reaches"
        " a person or costs\nmoney, `delete` removes for good. *Stakes*: `exposes` sends company"
        " data to an address, a channel or a link;\n`administers` decides who may do what, what"
        " callers hear or whether they get through. An argument in brackets means\nthat only this"
        " argument has these stakes. *Repeating*: `safe` has no effect at all, `idempotent` has the"
        " same effect\nas once, `never` has the effect twice.\n"
    )
    for toolset in registry.toolsets:
        yield f"## {toolset.name}\n\n{toolset.description}.\n"
        yield from _table(
            ("tool", "at Aircall", "effect", "stakes", "repeating", "what it does"),
            (_tool(o) for o in registry.known if o.toolset == toolset.name),
        )


def _tool(operation: Operation) -> tuple[str, ...]:
    at_aircall = f"`{operation.route}`" if not operation.ours else ""
    notes = ""
    if operation.ours and "full" not in operation.surfaces:
        notes = " Not in the `full` surface."
    if operation.add_on:
        notes += f" Needs the {operation.add_on} add-on."
    if operation.retired:
        end = f", end {operation.retired.sunset}" if operation.retired.sunset else ""
        notes += f" Retired by Aircall{end}: only with `--include-deprecated`."
    summary = operation.summary + notes
    return (
        f"`{operation.tool}`",
        at_aircall,
        operation.effect,
        _at_stake(operation),
        operation.repeatable,
        summary,
    )


def _at_stake(operation: Operation) -> str:
    always = [] if operation.stakes == "none" else [operation.stakes]
    words = dict.fromkeys(operation.at_stake.values())
    given = [
        f"{word} ({', '.join(f'`{n}`' for n, w in operation.at_stake.items() if w == word)})"
        for word in words
    ]
    return ", ".join([*always, *given])


def _presets() -> Iterator[str]:
    for name in PRESETS:
        yield f"**{name}**\n\n```toml\n{preset_text(name).decode().rstrip()}\n```\n"


def _stakes() -> Iterator[str]:
    """What needs which words, and what is open: every operation that is not simply a read."""
    operations = [o for o in load().operations if o.id not in EFFECTS and not o.retired]
    rows = [row for operation in operations for row in _needs(operation)]
    yield from _table(("tool", "`--allow`", "why"), rows)
    unasked = [o for o in operations if o.effect == "write" and o.stakes == "none"]
    yield (
        "All other tools with the effect `reach` or `delete` need that word, too:"
        " see [tools.md](tools.md).\n"
    )
    yield "Writes that need no word, and why each counts as harmless:\n"
    yield from _table(
        ("tool", "why"), ((f"`{o.tool}`" + _but(o), f"{o.because}.") for o in unasked)
    )


def _needs(operation: Operation) -> Iterator[tuple[str, str, str]]:
    effect = [] if operation.effect in UNASKED else [operation.effect]
    stakes = [] if operation.stakes == "none" else [operation.stakes]
    if stakes:
        words = ",".join([*effect, *stakes])
        yield f"`{operation.tool}`", f"`{words}`", f"{operation.because}."
    for parameter in operation.parameters:
        if parameter.stakes != "none":
            words = ",".join([*effect, parameter.stakes])
            tool = f"`{operation.tool}` with `{parameter.name}`"
            yield tool, f"`{words}`", f"{parameter.because}."


def _but(operation: Operation) -> str:
    return (
        f" without {', '.join(f'`{n}`' for n in operation.at_stake)}" if operation.at_stake else ""
    )


def _commands() -> Iterator[str]:
    yield f"# Commands\n\n{WRITTEN}\n"
    yield (
        "Every command exits with 0 on success, 1 if what it was asked for failed, and 2 for wrong"
        " usage or settings.\nWith `--json`, stdout contains one JSON document and nothing else.\n"
    )
    for name, text in _helps(group, "aircall-mcp", None):
        yield f"## {name}\n\n```text\n{text}\n```\n"


def _helps(
    command: click.Command, name: str, parent: click.Context | None
) -> Iterator[tuple[str, str]]:
    context = click.Context(
        command,
        parent,
        info_name=name,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        **command.context_settings,
    )
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None and not found.hidden:
                yield from _helps(found, below, context)


def _configuration() -> Iterator[str]:
    serve = group.get_command(click.Context(group), "serve")
    flags = {option.name: option.opts[0] for option in serve.params} if serve else {}
    yield f"# Configuration\n\n{WRITTEN}\n"
    yield (
        "A flag wins over an environment variable, and a variable over `config.toml` in the home"
        " directory.\nA list is written `a,b`; in the file it can also be an array of strings. An"
        " unknown key in the file, or a value\nthat is not valid, stops the start with exit 2, and"
        " the message says where it is. A variable that begins with\n`AIRCALL_MCP_` and is not"
        " known does not stop the start: every command names it on stderr, with the nearest known"
        "\nname. The file may be UTF-8 or UTF-16, with or without a byte order mark.\n"
    )
    yield (
        "`aircall-mcp doctor` names the home and the log, and which tools are offered and"
        " allowed.\n"
    )
    yield from _table(
        ("flag of `serve`", "variable", "key in `config.toml`", "default", "meaning"),
        (_setting(name, flags.get(name, "")) for name in Settings.model_fields),
    )
    yield (
        "## Credentials\n\nCredentials are not settings: no flag and no key in the file accepts"
        " one.\n"
    )
    yield from _table(
        ("variable", "meaning"),
        (
            ("`AIRCALL_API_ID`", "With `AIRCALL_API_TOKEN`: the API key of an Aircall company."),
            ("`AIRCALL_API_TOKEN`", "See above; one without the other has no effect."),
            (
                "`AIRCALL_ACCESS_TOKEN`",
                "An OAuth access token; wins over the API key if both are set.",
            ),
        ),
    )


def _setting(name: str, flag: str) -> tuple[str, ...]:
    field = Settings.model_fields[name]
    meaning = field.description or ""
    if get_origin(field.annotation) is Literal:
        meaning += f" One of {', '.join(f'`{option}`' for option in get_args(field.annotation))}."
    return (
        f"`{flag}`" if flag else "",
        f"`AIRCALL_MCP_{name.upper()}`",
        "" if name == "home" else f"`{name}`",
        _default(field.get_default()) if not field.is_required() else "",
        meaning,
    )


def _default(value: Any) -> str:
    if value is None or value == ():
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _clients() -> Iterator[str]:
    yield from _table(
        ("client", "`CLIENT`", "surface", "where its config belongs"),
        ((c.title, f"`{c.name}`", f"`{c.surface}`", c.file) for c in CLIENTS.values()),
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""


def _between(text: str, name: str, content: str) -> str:
    """`text` with `content` between its marks `<!-- name -->` and `<!-- /name -->`."""
    before, opened, rest = text.partition(f"<!-- {name} -->\n")
    _, closed, after = rest.partition(f"<!-- /{name} -->")
    if not opened or not closed:
        raise SystemExit(f"A page has lost its marks <!-- {name} --> … <!-- /{name} -->.")
    return f"{before}{opened}{content}{closed}{after}"


def _read(page: Path) -> str:
    return page.read_text("utf-8") if page.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
