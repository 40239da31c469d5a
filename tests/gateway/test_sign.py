"""The link that signs, alone."""

from __future__ import annotations

from typing import Any

import pytest

from aircall_mcp.gateway.sign import Sign
from aircall_mcp.ground.secrets import Scrubbed, Scrubber, Secret
from aircall_mcp.ground.weight import Aside

from .links import Tries, answered, not_sent, request

pytestmark = pytest.mark.anyio


class Signed:
    def __init__(self, number: int) -> None:
        self.headers = {"Authorization": f"key {number}"}


class Signing:
    """Signs with a new number each time."""

    def __init__(self, *, again: bool = True) -> None:
        self.signed: list[tuple[str | None, str]] = []
        self.refused: list[tuple[Any, int]] = []
        self.learnt: list[Secret] = []
        self._again = again

    async def sign(self, account: str | None, url: str) -> Signed:
        self.signed.append((account, url))
        return Signed(len(self.signed))

    async def rejected(self, signature: Any, status: int) -> bool:
        self.refused.append((signature.headers, status))
        return self._again

    def learn(self, secret: Secret) -> None:
        self.learnt.append(secret)

    def scrub(self, text: str) -> Scrubbed:
        return Scrubber().text(text)

    async def aclose(self) -> None:
        raise AssertionError("what was handed in is not closed by a link")


async def test_what_is_sent_is_signed_for_its_account_and_url() -> None:
    then, auth = Tries(answered()), Signing()
    asking = request()
    await Sign(then, auth, Aside()).send(asking)
    assert auth.signed == [(None, asking.url)]
    assert then.came[0].signed == {"Authorization": "key 1"}


@pytest.mark.parametrize(
    ("status", "again", "sent"), [(401, True, 2), (403, True, 2), (403, False, 1), (404, True, 1)]
)
async def test_after_a_rejection_it_is_signed_once_anew(
    status: int, again: bool, sent: int
) -> None:
    first, auth = answered(status), Signing(again=again)
    then = Tries(first, answered(status))
    await Sign(then, auth, Aside()).send(request())
    assert len(then.came) == sent
    if sent == 2:
        assert then.came[1].signed == {"Authorization": "key 2"}
        assert then.came[1].until == first.until  # one time for both
        assert auth.refused == [({"Authorization": "key 1"}, status)]


async def test_secrets_that_came_are_learnt_and_of_what_was_not_sent_there_are_none() -> None:
    auth = Signing()
    asking = request("create_webhook", url="https://hooks.example.com/a", events=["call.created"])
    assert asking.operation.answer.secrets
    came = answered(200, {"webhook": {"token": "a-token-of-theirs"}})
    link = Sign(Tries(came, not_sent()), auth, Aside())
    await link.send(asking)
    await link.send(asking)
    assert auth.learnt == [Secret("a-token-of-theirs")]
