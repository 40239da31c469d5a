"""The sandbox against its own description, with generated requests: it never breaks, and never
answers what is not described."""
# Schemathesis is typed in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUntypedFunctionDecorator=false

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.pytest._test_builder import build_operation_test
from schemathesis.python._constants.orchestrator import make_constants_value_source

from aircall_mcp import spec

from ..harness import Clock, sandbox_with

pytestmark = [pytest.mark.slow, pytest.mark.once]

SANDBOX = sandbox_with(clock=Clock(), requests_per_minute=None, users_v1=True)
DESCRIBED = spec.document()
METHODS = ("get", "post", "put", "patch", "delete")
OPERATIONS = [
    (path, method)
    for path, item in DESCRIBED["paths"].items()
    for method in METHODS
    if method in item
]


@pytest.fixture(scope="module")
def schema() -> Any:
    schema = schemathesis.openapi.from_dict(DESCRIBED)
    schema.app = SANDBOX
    return schema


def the_status_is_described_or_the_request_was_bad(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> bool | None:
    """Anything may be asked wrongly; only where Aircall is known to say so is it described."""
    if response.status_code == 400:
        return None
    return checks.status_code_conformance(ctx, response, case)


CHECKS = [
    checks.not_a_server_error,
    checks.response_schema_conformance,
    checks.content_type_conformance,
    the_status_is_described_or_the_request_was_bad,
]


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_generated_requests_are_answered_as_described(schema: Any, path: str, method: str) -> None:
    """Generated here, as `schema.parametrize()` does it in each process that collects the tests."""

    @settings(
        max_examples=6,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    def is_answered_as_described(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(auth=(SANDBOX.api_id, SANDBOX.api_token), checks=CHECKS)

    generated = build_operation_test(
        config=schema.config,
        operation=schema[path][method],
        test_func=is_answered_as_described,
        given_kwargs={},
        feedback=FeedbackSources(constants_value_source=make_constants_value_source(schema)),
    )
    generated()
