"""What an operation answers on success, as the document says."""

from __future__ import annotations

from ..errors import SpecError
from .references import Json, media_of, properties, resolve


def answer(document: Json, operation: Json) -> Json:
    """The row of `Answer`: status, key, paging and the names of marked fields."""
    good = {
        int(status): resolve(document, response)
        for status, response in operation["responses"].items()
        if str(status).startswith("2")
    }
    plain = [status for status, response in good.items() if not response.get("x-inferred")]
    status = min(plain or good)
    schema = media_of(document, good[status]).get("schema", {})
    key = operation.get("x-items-key") or operation.get("x-envelope-key") or ""
    known = dict(properties(document, schema))
    if key and key not in resolve(document, schema).get("properties", {}):
        raise SpecError(f"{operation['operationId']}: the answer has no top-level key {key!r}.")

    def marked(mark: str, value: object = True) -> list[str]:
        return sorted(n for n, parts in known.items() if any(p.get(mark) == value for p in parts))

    return {
        "status": status,
        "key": key,
        "is_list": "x-items-key" in operation,
        "paging": operation.get("x-paging", "none"),
        "capped": bool(operation.get("x-item-cap")),
        "secrets": marked("x-secret"),
        "expiring": {
            name: part["x-expires-in-seconds"]
            for name, parts in sorted(known.items())
            for part in parts
            if "x-expires-in-seconds" in part
        },
        "strangers": marked("x-free-text"),
        "seconds": marked("format", "unix-seconds"),
        "milliseconds": marked("format", "unix-milliseconds"),
        # Beside a reference stands what it means for this operation.
        "missing": operation["responses"].get("404", {}).get("description", ""),
        "filled": all(_required(document, response) for response in good.values()),
    }


def _required(document: Json, response: Json) -> list[str]:
    schema = media_of(document, response).get("schema", {})
    return resolve(document, schema).get("required", [])
