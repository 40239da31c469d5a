"""The sandboxes that run on this machine: each writes its address into its owner's home.

The file `sandbox/PORT.json` holds the address, the process and a key of its own that proves it. It
is readable for the owner alone, and goes when the sandbox does. One that was left by a sandbox that
was killed proves nothing: nobody has its key any more.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import StoreError
from ..ground.private_files import Modes
from ..ground.probe import Proof

_KEY = 32
"""Bytes of a key."""
_ADDRESS = re.compile(r"http://127\.0\.0\.1:([1-9][0-9]{0,4})")
"""Where a sandbox listens. `localhost` and `[::1]` may be somebody else on the same port."""


class Sandboxes:
    """Those of the owner of `home`."""

    def __init__(self, home: Path, modes: Modes | None = None) -> None:
        self._directory = home / "sandbox"
        self._modes = modes or Modes()

    @contextmanager
    def announced(self, address: str) -> Generator[Proof]:
        """While this is entered, a sandbox of this process is known at `address`.

        Raises `StoreError` where that cannot be written down.
        """
        proof = Proof(address, secrets.token_bytes(_KEY))
        path = self._path(address)
        if path is None:
            raise StoreError(f"No sandbox is known at {address}.")
        said = {"address": address, "pid": os.getpid(), "key": proof.key.hex()}
        self._modes.directory(self._directory)
        self._modes.replace(path, json.dumps(said).encode())
        try:
            yield proof
        finally:
            if self.proof_at(address) == proof:  # else another one has taken the port
                self._modes.remove(path)

    def proof_at(self, address: str) -> Proof | None:
        """What the sandbox proves itself by that says it listens at exactly `address`."""
        path = self._path(address)
        try:
            content = None if path is None else self._modes.read(path)
            said: Any = json.loads(content or b"null")
            key = bytes.fromhex(said["key"])
            same = said["address"] == address
        except (StoreError, ValueError, TypeError, KeyError):
            return None  # nobody says so, or not where only the owner could have written it
        return Proof(address, key) if same and len(key) == _KEY else None

    def _path(self, address: str) -> Path | None:
        found = _ADDRESS.fullmatch(address)
        return found and self._directory / f"{found[1]}.json"
