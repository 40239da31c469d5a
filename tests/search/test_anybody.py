"""Sixty needs about nobody in particular ("call somebody", "una persona", "a contact"), written
before anything was learned for them."""

from __future__ import annotations

from pathlib import Path

from aircall_mcp.offer import Registry
from aircall_mcp.search import Index

NEEDS = [
    (query, good.split(","))
    for query, good in (
        line.split("\t")
        for line in Path(__file__).with_name("anybody.tsv").read_text("utf-8").splitlines()
    )
]


def test_whoever_is_meant_is_no_other_need(registry: Registry) -> None:
    """45 of them were found surely before; "call somebody" was not."""
    index = Index(registry.known)
    found = {query: index.rank(query, 1) for query, _ in NEEDS}
    first = [
        query
        for query, good in NEEDS
        if found[query].matches and found[query].matches[0].operation.id in good
    ]
    assert len(NEEDS) == 60
    assert len(first) >= 55
    assert len([query for query in first if found[query].confident]) >= 54
    assert {"call somebody", "ring somebody", "call a contact"} <= {*first}
