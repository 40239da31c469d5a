"""What a person has done about webhooks: their tokens renewed, the deleted ones made anew."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from aircall_mcp.errors import ArgumentError
from aircall_mcp.events.query import Query
from aircall_mcp.events.receiver import Receiver

from ..harness import Clock, gateway_to
from ..mail import envelope, told
from .deployment import ELSEWHERE, URL, Deployment

pytestmark = pytest.mark.anyio


async def test_rotating_renews_the_token_loses_nothing_and_distrusts_nothing(
    deployment: Deployment, clock: Clock
) -> None:
    ours = deployment.process()
    await ours.register(URL, ["call.ended"])
    await ours.register(URL, ["message.received"])
    old = {one.url.rpartition("/")[2]: one for one in deployment.standing()}
    deployment.tell("w1", 1)
    [renewed] = await ours.rotate("w1")
    assert (renewed.state, renewed.webhook.name, renewed.webhook.succeeds) == ("active", "w3", "w1")
    new = {one.url.rpartition("/")[2]: one for one in deployment.standing()}
    assert set(new) == {"w2", "w3"}
    assert new["w3"].token != old["w1"].token
    assert new["w3"].events == ["call.ended"]
    assert deployment.trusted() == {1: True}
    assert await ours.untrusted() == []
    assert [one.webhook.succeeds for one in await ours.rotate()] == ["w2", "w3"]
    with pytest.raises(ArgumentError):
        await ours.rotate("w1")


async def test_both_are_taken_in_while_one_takes_the_place_of_the_other_and_kept_once(
    deployment: Deployment,
) -> None:
    ours = deployment.process()
    await ours.register(URL)
    [old] = deployment.standing()
    statuses: list[int] = []
    path = "/webhooks/aircall/"

    async with Receiver(deployment.log, clock=deployment.clock.handed()) as receiver:
        posts = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=receiver), base_url="http://here"
        )

        async def aircall(scope: Any, receive: Any, send: Any) -> None:
            if scope["method"] == "DELETE":
                deployment.clock.pass_by(1)  # both stand, and each of them is told
                for one in deployment.standing():
                    name = one.url.rpartition("/")[2]
                    body = envelope(told("call.ended", 7, webhook=name), one.token)
                    answer = await posts.post(path + name, content=body)
                    statuses.append(answer.status_code)
            await deployment.sandbox(scope, receive, send)

        gateway = gateway_to(aircall)
        rotating = deployment.subscriptions(gateway)
        await rotating.rotate()
        body = envelope(told("call.ended", 8, webhook="w1"), old.token)
        assert (await posts.post(f"{path}w1", content=body)).status_code == 401
        await posts.aclose()
        await gateway.aclose()
    assert statuses == [200, 200]
    assert [(event.data["id"], event.trusted) for event in deployment.log.read(Query())] == [
        (7, True)
    ]


async def test_one_that_was_deleted_is_told_of_and_made_anew_only_by_a_person(
    deployment: Deployment,
) -> None:
    ours = deployment.process()
    await ours.register(URL, ["call.ended"])
    [old] = deployment.standing()
    del deployment.sandbox.world.webhooks[old.uuid]
    deployment.tell("w1", 1)
    for _ in range(2):
        assert await ours.mend() == []
    assert deployment.standing() == []
    [found] = await ours.status()
    assert found.state == "missing"
    assert "webhooks rotate w1" in found.next
    assert "webhooks remove w1" in found.next
    deployment.tell("w1", 2)
    [renewed] = await ours.rotate("w1")
    assert (renewed.state, renewed.kinds) == ("active", ("call.ended",))
    assert deployment.trusted() == {
        1: False,
        2: False,
    }  # whoever deleted it could have changed it before
    assert deployment.tell("w1", 3) == [None]


async def test_a_number_that_calls_back_elsewhere_is_told_of_and_taken_back_only_by_a_person(
    deployment: Deployment,
) -> None:
    ours = deployment.process()
    [number] = [n for n in deployment.sandbox.world.numbers.values() if n.country == "FR"]
    await ours.register_number(URL, number.id)
    number.configurations["sms"].callback_url = ELSEWHERE
    deployment.tell("w1", 1)
    assert await ours.mend() == []
    assert number.configurations["sms"].callback_url == ELSEWHERE
    [found] = await ours.status()
    assert (found.state, found.next.split(",")[0]) == ("changed", "aircall-mcp webhooks rotate w1")
    assert deployment.trusted() == {1: False}
    await ours.rotate()
    assert number.configurations["sms"].callback_url == f"{URL}/webhooks/aircall/w2"
    assert [one.state for one in await ours.status()] == ["active"]
    number.configurations["sms"].callback_url = ELSEWHERE
    assert await ours.remove() == ["w2"]
    assert number.configurations["sms"].callback_url == ELSEWHERE  # that one is not ours
