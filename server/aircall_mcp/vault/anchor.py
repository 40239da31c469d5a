"""The newest state a vault ever stored, kept with its key.

Each write of the vault raises its epoch by one and only then notes it here. A vault that is older
than its anchor was rolled back; one that is newer was written by somebody who died before noting.
An anchor line is vouched for by the vault's key; the key's holder keeps the lines as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from .envelope import Key


@dataclass(frozen=True, slots=True)
class Anchor:
    """`manifest` is the MAC over what the vault held at `epoch`; empty at epoch 0."""

    vault: str
    epoch: int
    manifest: str

    def line(self, key: Key) -> str:
        """This state as JSON that `key` vouches for: vault, epoch, manifest, MAC."""
        mac = key.vouch("anchor", self.vault, self.epoch, self.manifest)
        return json.dumps([self.vault, self.epoch, self.manifest, mac], separators=(",", ":"))


def newest(lines: Iterable[str], key: Key) -> Anchor | None:
    """The newest of the lines that `key` vouches for."""
    found: list[Anchor] = []
    for line in lines:
        parts = _parts(line)
        if parts is not None:
            vault, epoch, manifest, mac = parts
            if key.vouched(mac, "anchor", vault, epoch, manifest):
                found.append(Anchor(vault, epoch, manifest))
    return max(found, key=lambda anchor: anchor.epoch, default=None)


def promises(lines: Iterable[str]) -> bool:
    """Whether any line, whoever vouches for it, says that something was stored once."""
    return any((parts := _parts(line)) is None or parts[1] > 0 for line in lines)


def _parts(line: str) -> tuple[str, int, str, str] | None:
    try:
        parts: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(parts, list):
        return None
    items = cast("list[Any]", parts)
    if [type(item) for item in items] != [str, int, str, str]:
        return None
    return cast("tuple[str, int, str, str]", tuple(items))
