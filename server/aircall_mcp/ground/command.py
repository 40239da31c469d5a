"""Our own command as a person can type it: by its path if the shell would not find it."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from functools import cache
from pathlib import Path

NAME = "aircall-mcp"
WORDS = frozenset({
    "accounts", "activity", "approve", "completion", "config", "demo", "describe", "doctor",
    "events", "forward", "lease", "openapi", "policy", "resume", "run", "sandbox", "search",
    "serve", "setup", "stop", "stubs", "suppress", "tools", "vault", "webhooks",
})  # fmt: skip
"""What may follow it. The commands themselves are imported by none of us."""
_NAMED = re.compile(rf"(?<![\w./\\-]){NAME}(?= (?:{'|'.join(sorted(WORDS))})\b)")
"""It, followed by a command: not the package, the server or a folder of that name."""


def runnable(text: str) -> str:
    """`text`, in which our commands are what a person can run as it stands."""
    typed = _typed(sys.executable, shutil.which(NAME) or "")
    return text if typed == NAME else _NAMED.sub(lambda _: typed, text)


@cache
def _typed(interpreter: str, found: str) -> str:
    """The name alone where `found`, which the shell finds by it, is the one of `interpreter`, or
    where there is none beside that."""
    for name in (NAME, f"{NAME}.exe"):
        beside = Path(interpreter).with_name(name)
        if beside.is_file():
            here = bool(found) and Path(found).resolve() == beside.resolve()
            return NAME if here else shlex.quote(str(beside))
    return NAME
