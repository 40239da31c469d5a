"""Who is known: by a contact that has their very number, whatever the search answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from aircall_mcp.gateway.ask import Aircall
from aircall_mcp.offer import Registry
from aircall_mcp.safety.company import Company

from ..house import Clock, answering, gateway_to

pytestmark = pytest.mark.anyio

WANTED = "+33612345678"


@pytest.mark.parametrize(
    ("numbers", "known"),
    [
        (["+33 6 12 34 56 78"], True),
        (["06 12 34 56 78"], True),
        (["+33612345678,5"], True),
        (["+33699999999", "+33612345678"], True),
        (["+33699999999"], False),
        ([], False),
    ],
)
async def test_somebody_is_known_by_their_own_number_alone(
    registry: Registry, numbers: Sequence[str], known: bool
) -> None:
    contact: Mapping[str, object] = {
        "id": 1, "phone_numbers": [{"id": 1, "label": "Work", "value": one} for one in numbers]
    }  # fmt: skip
    app, _ = answering(200, {"contacts": [contact], "meta": {"count": 1}})
    gateway = gateway_to(app)

    async def resolve(named: str | None) -> str:
        return named or "tests"

    async def listens() -> bool:
        return False

    company = Company(
        lambda _: Aircall(gateway, registry.ids), resolve, listens, Clock().handed()
    )  # fmt: skip
    assert (await company.known("tests", (WANTED,)) == {WANTED}) is known
    await gateway.aclose()
