from __future__ import annotations

from typing import get_args

import pytest

from aircall_mcp.gateway.retries import Retries, Trouble
from aircall_mcp.ground.operation import Repeatability

ATTEMPTS = {
    ("safe", "not_sent"): 3,
    ("safe", "throttled"): 3,
    ("safe", "lost"): 3,
    ("idempotent", "not_sent"): 3,
    ("idempotent", "throttled"): 3,
    ("idempotent", "lost"): 2,
    ("never", "not_sent"): 3,
    ("never", "throttled"): 3,
    ("never", "lost"): 1,
}


@pytest.mark.parametrize("repeatable", get_args(Repeatability))
@pytest.mark.parametrize("trouble", get_args(Trouble))
def test_attempts(repeatable: Repeatability, trouble: Trouble) -> None:
    retries, tried = Retries(), 1
    while retries.again(repeatable, trouble, tried):
        tried += 1
    assert tried == ATTEMPTS[repeatable, trouble]


def test_a_pause_is_anywhere_up_to_its_bound() -> None:
    assert Retries(random=lambda: 0.0).pause(1) == 0
    whole = Retries(first=0.25, longest=1.5, random=lambda: 1.0)
    assert [whole.pause(tried) for tried in (1, 2, 3, 4, 60)] == [0.5, 1.0, 1.5, 1.5, 1.5]
