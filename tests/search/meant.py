"""What counts as found."""

from __future__ import annotations

from collections.abc import Collection

from aircall_mcp.ground.operation import Operation


def serves(first: Operation, good: Collection[str]) -> bool:
    """Whether the first match is one of those that were taken for right, or does the whole task of
    one. Who wrote the sentences knew the operations before there were tools for tasks; for "call
    Sandra back" `place_call` serves as well as `start_outbound_call`, which comes next then."""
    return first.id in good or bool({*first.stands_for} & {*good})
