"""The API description, for the tests that read it themselves."""

from __future__ import annotations

from typing import Any

from aircall_mcp import spec

DOCUMENT = spec.document()


def resolved(part: Any) -> Any:
    """`part`, or what its reference leads to."""
    while "$ref" in part:
        target: Any = DOCUMENT
        for key in part["$ref"][2:].split("/"):
            target = target[key]
        part = target
    return part
