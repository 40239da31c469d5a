"""Forks a process that does nothing but renew, for every line of stdin, and says its number.

Python takes longer to start than a renewal takes, so this one starts once for all of them.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from importlib import import_module
from pathlib import Path

from aircall_mcp.errors import CredentialError
from tests.chaos.running import auth_in

SPEED = 1e7
"""Seconds of the clock in a real one: every grant has expired when it arrives."""


def hurried() -> float:
    return time.time() * SPEED


async def renew_for_ever(home: Path, url: str) -> None:
    auth, _vault = auth_in(home, hurried)
    try:
        while True:
            await auth.sign("paris", url)
    except CredentialError:
        signal.pause()  # the one before us died with the token: nothing is left to renew


def main(home: Path, url: str) -> None:
    for slow in ("authlib.oauth2.client", "cryptography.hazmat.primitives.ciphers.aead"):
        import_module(slow)  # what every child would import first

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            asyncio.run(renew_for_ever(home, url))
        print(child, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
