"""Text that leaves is cut in one place, which takes nothing but scrubbed text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import aircall_mcp
from aircall_mcp.ground import secrets

PACKAGE = Path(aircall_mcp.__file__).parent
INSIDE = ("sandbox", "search", "spec", "vault", "storage", "cli/configs", "cli/demo")
"""Of what these hold nothing leaves but what others shape: bytes, words of ours, files of the
owner's; and the sandbox, whose secrets are made up."""
ELSEWHERE: dict[str, tuple[str, ...]] = {
    # Lists, of which every item is whole.
    "cli/search.py": ("routes[:10]",),
    "toolkit/toolkit.py": (
        "sorted(found['matches'], key=lambda one: 'not_offered' in one)[:limit]",
    ),
    "cli/setup/account.py": ("company.people[:SHOWN]",),
    "cli/setup/company.py": ("people[:3]",),
    "drift/compare.py": ("one[:3]",),
    "drift/survey.py": ("parts[a:b]", "value[:200]"),
    "events/forwarding/rules.py": ("GROUPS[:4]",),
    "events/forwarding/wording.py": ("said[:-1]",),
    "events/log.py": ("[one for one in ids if str(one).startswith(prefix)][:limit]",),
    "events/tools.py": ("found[:_limit(arguments)]", "listened.gaps[-20:]", "texts[:limit]"),
    "gateway/continuations.py": ("leaf.items[:place.index]", "self.leaves[:count]"),
    "ground/explanation.py": (
        "error.schema_path[:-1]", "value[:40]", "value[:_MOST_NAMED]",
    ),
    "offer/shape.py": ("self._cuts[:MOST_CUTS]",),
    "console/site.py": ("given[:_MOST_KEYS]",),
    "workflows/periods.py": ("text[:LONGEST]",),
    # Phone numbers and their beginnings, held against each other.
    "safety/destinations.py": ("number[:end]",),
    "safety/policy.py": ("pattern[:-1]",),
    "safety/usage.py": (
        "_digits(number)[-TELLING:]", "_digits(written)[:MOST_DIGITS]", "digits[at:at + TELLING]",
    ),
    "protocol/resources.py": ("values[:100]",),
    # Ids, phone numbers, times and digests: of a number its ends are what may be shown.
    "accounts/login.py": ("line[:5]",),
    "drift/forms.py": ("'1767261600000000000'[:max(1, min(int(said.split()[3]), 19))]",),
    "gateway/intents.py": ("identity[-ID_END:]", "numbers[:MOST_NAMED]"),
    "ground/phones.py": ("digits[-2:]", "digits[:2]", "plain[:end]"),
    "ground/times.py": (
        "datetime.fromtimestamp(seconds, UTC).isoformat(timespec='seconds')[:-6]",
    ),
    # Of a line that is broken every part is shown.
    "cli/screen.py": ("line[start:at + 1]", "line[start:end]"),
    # What is looked at and not shown: how a text begins, or what of it is kept.
    "gateway/body.py": ("before[-1:]", "raw[max(0, at - len(_ENDLESS)):at + 1]"),
    "protocol/frames.py": ("text[-END:]",),
    # What a script says of itself: all that it read was scrubbed before.
    "scripts/interpreter.py": ("told[-LONGEST_TOLD:]", "traceback[-LONGEST_READ:]"),
    "scripts/crossing.py": ("line[:column]",),  # both halves stay
    "offer/stubs.py": ("told[:LONGEST - 1]",),
    "toolkit/calls.py": ("_list(response, 'choices')[:1]",),
    "workflows/choices.py": ("sorted(found, key=rank)[:MOST]",),
    "protocol/stdio.py": ("(end + rest)[-END:]", "line[-END:]"),
    "cli/config.py": ("line[:1]",),
    "desk.py": ("query[:LONGEST_QUERY]",),
    "safety/circumstances.py": ("numbers[:MOST]", "words[:_MOST_WORDS]"),
    "safety/visitors.py": ("letters[:4]", "letters[:_LENGTH]"),
    "events/envelope.py": ("resource[:100]", "text[:start]", "units[at:at + 4]"),
    "events/event.py": ("one[:-1]",),
    "gateway/wish.py": ("steps[1:-1]",),
    "ground/addresses.py": ("host[1:-1]", "text[:_HEAD]"),
    "ground/asgi.py": ("data[start:start + LARGEST_HEAD]",),
    "ground/clients.py": ("told[:20]",),
    "ground/nearest.py": ("word[:80]",),
    "ground/path.py": ("segment[1:-1]",),
    "ground/visible.py": (
        "''.join(kept[-2:])[-2:]", "end[-1:]", "kept[-2:]", "text[at + 1:at + 2]",
        "text[at:at + _PIECE]",
        "text[done:here]", "text[here:done]", "units[at:at + 2]",
    ),
    "ground/written.py": ("content[1:2]", "content[:2]", "content[:error.start]"),
    "offer/registry.py": ("segment[:1]",),
    "workflows/find_person.py": ("fits[:MOST_CHOICES]", "found.near[:3]"),
    "workflows/inflection.py": (
        "word[:ending.start()]",
        "language[:2]", "stem[:-1]", "word[:-1]", "word[:-2]", "word[:-3]",
    ),
    "workflows/numerals.py": ("word[:-2]", "words[end:end + 1]"),
    "workflows/phrases.py": ("stem[:-1]", "language[:2]"),
    "workflows/romanisation.py": ("whole[:n]",),
    "workflows/scan_transcripts.py": (
        "found[:MOST_QUOTES]", "lines[hit.first:hit.last + 1]",
    ),
    "workflows/counting.py": ("said[at:at + length]",),
    "workflows/meant.py": ("(found.fits or found.near)[:MOST_CHOICES]",),
    "workflows/names.py": (
        "digits[-_LEAST:]", "query[:LONGEST]", "cost[place][:2]", "far[:2]",
        "self._sorted[at:end]",
    ),
    "workflows/spelling.py": (
        "one[:-1]", "other[:-1]", "name[start:end - 1]", "name[start:end]", "said[:start]",
        "said[start:start + length]",
    ),
}  # fmt: skip
"""Slices that shorten something else than text that leaves, by what they are of."""
_NO_TEXT = re.compile(r"cast\('list|(rows?|items|ids|path|argv)\[|.*digest\(\)\[")
"""Lists by their names, and digests."""
_CUTTING = frozenset({"shorten", "truncate", "set_cell_size"})


def shortened(path: Path) -> Iterator[str]:
    """What a module shortens: slices with an end, or from the end, texts that are formatted to a
    width, and what functions cut that others made for it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            ends = node.slice.upper is not None or isinstance(node.slice.lower, ast.UnaryOp)
            if ends and not _NO_TEXT.match(ast.unparse(node)):
                yield ast.unparse(node)
        elif isinstance(node, ast.Call):
            if getattr(node.func, "attr", getattr(node.func, "id", "")) in _CUTTING:
                yield ast.unparse(node)
        elif isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            if re.search(r"\.\d+(?![\d.]*[aefg%])", ast.unparse(node.format_spec)):
                yield ast.unparse(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from re.findall(r"%\.\d+[rsa]", node.value)


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if not name.startswith(INSIDE) and name != "ground/secrets.py":
            yield name, path


def test_every_text_that_leaves_is_cut_by_the_one_function_that_takes_scrubbed_text() -> None:
    found = {name: set(shortened(path)) for name, path in modules()}
    beyond = {name: some - set(ELSEWHERE.get(name, ())) for name, some in found.items()}
    assert {name: some for name, some in beyond.items() if some} == {}, (
        "use secrets.cut, or say in ELSEWHERE what it is"
    )
    gone = {name: set(some) - found[name] for name, some in ELSEWHERE.items()}
    assert {name: some for name, some in gone.items() if some} == {}, "strike it from ELSEWHERE"


def test_nobody_but_a_scrubber_makes_scrubbed_text() -> None:
    makers: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            called = getattr(node, "func", None)
            name = getattr(called, "attr", getattr(called, "id", ""))
            casts = name == "cast" and "Scrubbed" in ast.unparse(node)
            if name == "Scrubbed" or casts:
                makers.add(path.relative_to(PACKAGE).as_posix())
    assert makers == {"ground/secrets.py"}


def test_the_one_function_is_used_wherever_words_are_too_long() -> None:
    users = {
        name
        for name, path in modules()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("cut", "last")
    }
    assert users >= {
        "events/answers.py", "events/forwarding/wording.py", "gateway/refusals.py",
        "ground/logs.py", "desk.py", "offer/shape.py", "protocol/mcp_server.py",
    }  # fmt: skip
    for way in (secrets.cut, secrets.last):
        with pytest.raises(TypeError):
            way("a text", 3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
