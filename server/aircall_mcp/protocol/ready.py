"""The ready answers to an opening: their bytes, and the inputs that they were made from.

What an installation answers that nobody has set up stands in the package (`make specs`); what
else a selection answers is kept in the home by the first server that ran with it. Both are believed
only for the very inputs that they were made of, and only whole: anything else is as if there were
none.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from itertools import islice
from pathlib import Path

from .. import __version__
from ..errors import StoreError
from ..ground.extras import MODULES, absent
from ..ground.home import HOME, OTHER_VARIABLES, PREFIX, home_in
from ..ground.private_files import Modes

PACKAGE = Path(__file__).parents[1]
FILES = {
    frozenset[str](): PACKAGE / "_compiled" / "instant_with_extras.jsonl",
    frozenset(MODULES): PACKAGE / "_compiled" / "instant.jsonl",
}
"""What stands in the package, by the extras that are absent."""
WORDED_IN = ("offer", "protocol")
"""Folders of the package where answers of an opening are worded, beside the registry."""
READ_WITH = ("mcp", "mcp_types", "pydantic", "pydantic_core")
"""Distributions whose versions shape the bytes."""
FOLDER = "instant"
MOST_KEPT = 8
"""Selections of one home of which the answers are kept."""

_NEUTRAL = frozenset({"serve", "--sandbox", "--ask"})
"""Words of a command line that shape no answer of an opening."""
_ACCOUNT = ("AIRCALL_API_ID", "AIRCALL_API_TOKEN", "AIRCALL_ACCESS_TOKEN")
_SHAPING = ("config.toml", "policy.toml", "vault.db")
"""Files of a home; who can be acted for stands in the last, which no write is left open in."""
_OPEN = ("vault.db-journal", "vault.db-wal")


def ready_for(argv: Sequence[str], environment: Mapping[str, str]) -> dict[str, bytes] | None:
    """The answers that a server answers with that is started so, None where they are not known.
    Takes milliseconds, changes nothing and raises nothing."""
    try:
        home = home_in(environment)
        made_of = inputs_of(argv, environment, home)
        if made_of is None:
            return None
        found = _read(Modes(), home / FOLDER / f"{made_of}.jsonl")
        file = FILES.get(absent())
        if found is None and file and _is_default(argv, environment, home):
            found, made_of = file.read_bytes(), sources()
        return None if found is None else _whole(found, made_of)
    except (OSError, StoreError, RuntimeError):
        return None


def inputs_of(
    argv: Sequence[str], environment: Mapping[str, str], home: Path, modes: Modes | None = None
) -> str | None:
    """A digest of all that shapes the answers, None while an account is being written. Of secrets
    it holds whether they are there."""
    if any(os.path.lexists(home / name) for name in _OPEN):
        return None
    modes = modes or Modes()
    files = {name: _read(modes, home / name) for name in _SHAPING}
    secret = {PREFIX + name for name in OTHER_VARIABLES}
    chosen = {name: name in secret or value for name, value in environment.items()
              if name.startswith(PREFIX) and name != HOME}  # fmt: skip
    accounts = [_sound(environment.get(name, "")) for name in _ACCOUNT]
    parts = [__version__, sources(), list(argv), chosen, accounts, sorted(absent()),
             {name: text and sha256(text).hexdigest() for name, text in files.items()}]  # fmt: skip
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def sources() -> str:
    """A digest of what the answers are made of in this package."""
    digest = sha256((PACKAGE / "_compiled" / "registry.json").read_bytes())
    for folder in WORDED_IN:
        for path in sorted((PACKAGE / folder).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def packed(answers: Mapping[str, bytes], made_of: str) -> bytes:
    """`answers` as a file: a head, then each different one on a line of its own."""
    from importlib.metadata import version

    lines = sorted(set(answers.values()))
    body = b"\n".join(lines)
    head = {
        "made_of": made_of,
        "sha256": sha256(body).hexdigest(),
        "with": {name: version(name) for name in READ_WITH},
        "answers": {name: lines.index(answer) for name, answer in sorted(answers.items())},
    }
    return json.dumps(head).encode() + b"\n" + body


def keep(answers: Mapping[str, bytes], home: Path, made_of: str) -> None:
    """Keep what a server with these inputs answers; those of the oldest selections go. Raises
    `StoreError`."""
    modes, folder = Modes(), home / FOLDER
    modes.directory(folder)
    modes.replace(folder / f"{made_of}.jsonl", packed(answers, made_of))
    with suppress(OSError):
        kept = sorted(folder.glob("*.jsonl*"), key=lambda path: -path.lstat().st_mtime)
        for old in islice(kept, MOST_KEPT, None):
            modes.remove(old)


def _read(modes: Modes, path: Path) -> bytes | None:
    return modes.read(path) if os.path.lexists(path) else None


def _is_default(argv: Sequence[str], environment: Mapping[str, str], home: Path) -> bool:
    """Whether nothing was chosen, and there can be no second account."""
    neutral = {HOME, *(PREFIX + name for name in OTHER_VARIABLES)}
    return (
        set(argv) <= _NEUTRAL
        and not any(name.startswith(PREFIX) and name not in neutral for name in environment)
        and not any(os.path.lexists(home / name) for name in _SHAPING)
    )


def _whole(found: bytes, made_of: str) -> dict[str, bytes] | None:
    """The answers in a file, if it is whole and was made of this, with what is installed here."""
    first, _, body = found.partition(b"\n")
    try:
        head = json.loads(first)
        lines = body.split(b"\n")
        fits = (
            head["made_of"] == made_of
            and head["sha256"] == sha256(body).hexdigest()
            and all(map(_is_installed, head["with"].items()))
        )
        return {name: lines[at] for name, at in head["answers"].items()} if fits else None
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def _is_installed(dist: tuple[str, str]) -> bool:
    folder = f"{dist[0]}-{dist[1]}.dist-info"
    return any(os.path.isdir(os.path.join(path, folder)) for path in sys.path)  # noqa: PTH112, PTH118


def _sound(secret: str) -> str:
    """Whether there is one, and whether a header could carry it."""
    text = secret.strip()
    return "no" if not text else "yes" if all("!" <= letter <= "~" for letter in text) else "unfit"
