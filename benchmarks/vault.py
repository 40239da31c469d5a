"""What credentials cost: signing with a warm one, opening the vault for the first, and the start.

    python benchmarks/vault.py

Each figure stands beside a floor measured in the same run: the work that no vault could leave out.
"""

from __future__ import annotations

import asyncio
import base64
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from aircall_mcp.accounts.accounts import Account, Accounts, ApiKey
from aircall_mcp.accounts.auth import Auth
from aircall_mcp.ground.secrets import Secret
from aircall_mcp.storage.lock import latches
from aircall_mcp.vault import vault_at

ACCOUNTS = 100
SIGNATURES = 20_000
OPENINGS = 15
STARTS = 25
MOST_SIGNING = 50e-6
MOST_OPENING = 20e-3
MOST_ADDED = 10e-3

URL = "https://api.aircall.io/v1/calls/{}"
# `mcp` brings cryptography along, so a server has it before its first call.
OPENING = """
import json, sys, time
from pathlib import Path
import mcp, cryptography.hazmat.primitives.ciphers.aead
from aircall_mcp.accounts import Accounts
from aircall_mcp.vault import vault_at
begun = time.perf_counter()
Accounts(vault_at(Path(sys.argv[1]), {})).load("company-42")
print(time.perf_counter() - begun)
"""
# Of a start only what could know of a vault: the house is built, and nothing is asked of it.
STARTING = """
import os, sys, time
from aircall_mcp.app import open_house
from aircall_mcp.ground.config import settings_from
settings = settings_from(environment={"AIRCALL_MCP_HOME": sys.argv[1]})
begun = time.perf_counter()
open_house(settings, {})
print(time.perf_counter() - begun)
"""


def fill(home: Path) -> None:
    vault = vault_at(home, {})
    vault.create("file")
    accounts = Accounts(vault)
    for number in range(ACCOUNTS):
        key = ApiKey(
            api_id=Secret(f"{number:032x}"), api_token=Secret(f"{number:032x}{number:032x}")
        )
        accounts.add(Account(name=f"company-{number}", credential=key))
    vault.close()


def each(work: Callable[[int], object], times: int) -> float:
    """Seconds of one, as the best of five rounds."""
    rounds: list[float] = []
    for _ in range(5):
        begun = time.perf_counter()
        for number in range(times):
            work(number)
        rounds.append((time.perf_counter() - begun) / times)
    return min(rounds)


def unavoidable(number: int) -> dict[str, str]:
    pair = f"{number:032x}:{number:064x}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


async def signing(home: Path) -> float:
    vault = vault_at(home, {})
    auth = Auth(Accounts(vault), latch=latches(home))
    await auth.sign("company-42", URL.format(0))
    rounds: list[float] = []
    for _ in range(5):
        begun = time.perf_counter()
        for number in range(SIGNATURES):
            await auth.sign("company-42", URL.format(number))
        rounds.append((time.perf_counter() - begun) / SIGNATURES)
    vault.close()
    return min(rounds)


def timed(code: str, home: Path) -> float:
    """What a new process says of itself, with nothing warm in it."""
    return float(subprocess.check_output([sys.executable, "-c", code, str(home)], text=True))


def opening(home: Path) -> float:
    return statistics.median(timed(OPENING, home) for _ in range(OPENINGS))


def starting(home: Path, without: Path) -> tuple[float, float]:
    """With the vault of `home` and without one, in turn: a busy moment is then bad for both."""
    taken = [(timed(STARTING, home), timed(STARTING, without)) for _ in range(STARTS)]
    with_vault, bare = zip(*taken, strict=True)
    return statistics.median(with_vault), statistics.median(bare)


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory) / "home"
        fill(home)
        sign, open_ = asyncio.run(signing(home)), opening(home)
        start, bare = starting(home, Path(directory) / "nothing")
        floor = each(unavoidable, SIGNATURES)
        size = (home / "vault.db").stat().st_size
        reading = each(lambda _: (home / "vault.db").read_bytes(), 200)
    figures = {
        "sign_us": round(sign * 1e6, 1),
        "sign_floor_us": round(floor * 1e6, 1),
        "sign_ratio": round(sign / floor, 1),
        "open_ms": round(open_ * 1e3, 2),
        "open_floor_ms": round(reading * 1e3, 2),
        "house_ms": round(start * 1e3, 2),
        "house_without_ms": round(bare * 1e3, 2),
        "house_ratio": round(start / bare, 2),
        "accounts": ACCOUNTS,
        "vault_bytes": size,
    }
    print(json.dumps(figures, indent=2))
    assert sign <= MOST_SIGNING, "signing with a warm credential takes too long"
    assert open_ <= MOST_OPENING, "opening the vault takes too long"
    assert start - bare <= MOST_ADDED, "the vault holds up the start"


if __name__ == "__main__":
    main()
