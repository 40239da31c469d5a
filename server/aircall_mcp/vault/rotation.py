"""One change of the vault's key, at the same holder or at another.

The order survives a kill at each step: the new key is held beside the old one, then everything is
sealed anew in one transaction, right before whose end the anchor gets a line that only the new key
vouches for; the old key is let go after. Killed before the commit the old key is in use, after it
the new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..storage.store import Transaction
from . import records
from .envelope import Key, Random
from .keys import Holder
from .manifest import Head, Manifest


@dataclass(frozen=True, slots=True)
class Rotation:
    """From the key of `before` to `new`, which `after` holds and finds again by `note`."""

    before: Holder
    after: Holder
    new: Key
    note: str
    lines: Sequence[str]

    @classmethod
    def begun(cls, before: Holder, after: Holder, old: Key) -> Rotation:
        """With the new key made, and held beside the old one."""
        lines = list(before.anchors())
        new, note = after.renew(old if after is before else None)
        return cls(before, after, new, note, lines)

    def sealed_anew(
        self, tx: Transaction, head: Head, old: Key, manifest: Manifest, random: Random
    ) -> tuple[Head, Manifest]:
        """Every record under the new key, and the head that says so."""
        new = self.new
        check = new.vouch("check", head.vault_id)
        changed = Head(head.vault_id, self.after.kind, self.note, new.id, check, head.epoch + 1)
        anew: list[records.Row] = []
        for row in manifest:
            plain = records.opened(tx, head, old, row)
            anew.append(records.put(tx, row, records.seal(changed, new, row, plain, random)))
        after = Manifest(anew)
        changed = after.vouched(changed, new)
        records.write_head(tx, changed)
        # Before the commit: a new state that no anchor knows would be refused.
        self.after.anchor([*self.lines, changed.anchor.line(new)])
        return changed, after

    def finish(self) -> None:
        """Let go of the old key, and of its anchor where the new holder keeps its own."""
        self.after.settle(self.new)
        if self.after is not self.before:
            self.before.forget()
            if self.after.kind == "keyring":
                self.before.anchor([])
