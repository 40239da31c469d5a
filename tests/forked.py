"""Many commands for one start: each is a fork of a process that has imported what they need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence

_PROGRAM = """
import json, os, sys, tempfile
import aircall_mcp.app, aircall_mcp.cli
from aircall_mcp.__main__ import main
told, given = [], sys.stdin.read().encode()
for words in json.loads(sys.argv.pop(1)):
    files = [tempfile.TemporaryFile() for _ in range(3)]
    with files[0] as typed, files[1] as out, files[2] as err:
        typed.write(given), typed.seek(0)
        child = os.fork()
        if child == 0:
            for number, file in enumerate(files):
                os.dup2(file.fileno(), number)
            sys.argv[1:] = words
            sys.exit(main())
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        out.seek(0), err.seek(0)
        told.append([code, out.read().decode(), err.read().decode()])
print(json.dumps(told))
"""


def forked(
    *commands: Sequence[str], given: str = "", first: str | None = None, **variables: str
) -> list[subprocess.CompletedProcess[str]]:
    """What becomes of `aircall-mcp WORDS`, for each of them, that reads `given`. `first` is a
    program that goes on as the one whose command line it is given.
    """
    start = [sys.executable, "-c", _PROGRAM, json.dumps(commands)]
    done = subprocess.run(
        start if first is None else [sys.executable, "-c", first, *start],
        capture_output=True, text=True, timeout=100, check=True,
        input=given, env={**os.environ, **variables},
    )  # fmt: skip
    return [
        subprocess.CompletedProcess(["aircall-mcp", *words], code, out, err)
        for words, (code, out, err) in zip(commands, json.loads(done.stdout), strict=True)
    ]
