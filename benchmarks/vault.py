"""What credentials cost: signing with a warm one, opening the vault for the first, the start, and
reading and writing one record of few and of many.

    python benchmarks/vault.py

Each figure stands beside a floor measured in the same run: the work that no vault could leave out.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from aircall_mcp.accounts import Account, Accounts, ApiKey
from aircall_mcp.accounts.auth import Auth
from aircall_mcp.ground.secrets import Secret, sealed
from aircall_mcp.storage.lock import latches
from aircall_mcp.storage.sqlite import Database
from aircall_mcp.storage.store import Transaction
from aircall_mcp.vault import KeyFileHolder, records, vault_at
from aircall_mcp.vault.manifest import Manifest, Row

ACCOUNTS = 100
SIGNATURES = 20_000
OPENINGS = 15
STARTS = 25
MOST_SIGNING = 50e-6
MOST_OPENING = 20e-3
MOST_ADDED = 10e-3
SIZES = (10, 300, 1_500, 10_000)
READS = 500
WRITES = 15
MOST_READING = 1e-3

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
# Of a start only what could know of a vault: the app is built, and nothing is asked of it.
STARTING = """
import os, sys, time
from aircall_mcp.app import open_app
from aircall_mcp.ground.config import settings_from
settings = settings_from(environment={"AIRCALL_MCP_HOME": sys.argv[1]})
begun = time.perf_counter()
open_app(settings, {})
print(time.perf_counter() - begun)
"""


def account(number: int) -> Account:
    key = ApiKey(api_id=Secret(f"{number:032x}"), api_token=Secret(f"{number:032x}{number:032x}"))
    return Account(name=f"company-{number}", credential=key)


def fill(home: Path, accounts: int = ACCOUNTS) -> None:
    """In one transaction: ten thousand commits to a disk would take minutes."""
    vault = vault_at(home, {})
    vault.create("file")
    store = Database(home / "vault.db", records.MIGRATIONS, durability="vault")
    key = KeyFileHolder(home).keys("")[0]

    def work(tx: Transaction) -> None:
        head = replace(records.head_of(tx), epoch=accounts)

        def put(number: int) -> Row:
            row = Row(f"company-{number}", "account", number + 1)
            content = account(number).model_dump()
            text = sealed(content, lambda plain: records.seal(head, key, row, plain, os.urandom))
            return records.put(tx, row, text)

        records.write_head(tx, Manifest(map(put, range(accounts))).vouched(head, key))

    store.write(work)
    store.close()
    Accounts(vault).make_default("company-0")
    vault.close()


def growing(home: Path, accounts: int) -> dict[str, float]:
    """Milliseconds of one process: its first read, a later one, and the processor time of a write.

    The disk is left out of a write: a commit waits for it however large the vault is.
    """
    fill(home, accounts)
    vault = vault_at(home, {})
    begun = time.perf_counter()
    vault.read("company-0", "account")
    first = time.perf_counter() - begun
    warm = each(lambda number: vault.read(f"company-{number % accounts}", "account"), READS)
    written: list[float] = []
    for number in range(WRITES):
        begun = time.process_time()
        vault.write("company-1", "account", account(number).model_dump())
        written.append(time.process_time() - begun)
    vault.close()
    times = {"first_read_ms": first, "read_ms": warm, "write_ms": statistics.median(written)}
    return {name: round(seconds * 1e3, 2) for name, seconds in times.items()}


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
        grown = {size: growing(Path(directory) / f"{size}", size) for size in SIZES}
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
        "of_accounts": grown,
    }
    print(json.dumps(figures, indent=2))
    assert sign <= MOST_SIGNING, "signing with a warm credential takes too long"
    assert open_ <= MOST_OPENING, "opening the vault takes too long"
    assert start - bare <= MOST_ADDED, "the vault holds up the start"
    for size, figure in grown.items():
        assert figure["read_ms"] <= MOST_READING * 1e3, f"a read takes too long of {size} accounts"


if __name__ == "__main__":
    main()
