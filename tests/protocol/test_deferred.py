"""Models that are built at their first use say the same as ones that are built at once."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from pydantic import BaseModel, ValidationError

from aircall_mcp.protocol.deferred import deferred


def test_a_model_is_built_at_its_first_use_and_the_next_one_at_once() -> None:
    with deferred():

        class Later(BaseModel):
            number: int

    class AtOnce(BaseModel):
        number: int

    assert not Later.__pydantic_complete__
    assert AtOnce.__pydantic_complete__
    assert Later.model_validate_json('{"number": 7}').model_dump() == {"number": 7}
    assert Later.__pydantic_complete__
    with pytest.raises(ValidationError):
        Later.model_validate({"number": "seven"})


def test_what_fails_in_there_leaves_it_as_it_was() -> None:
    with pytest.raises(ZeroDivisionError), deferred():
        raise ZeroDivisionError
    assert not BaseModel.model_config.get("defer_build")


SCHEMAS = """
import json, sys
from contextlib import nullcontext
from aircall_mcp.protocol.deferred import deferred
with deferred() if sys.argv[1] == "deferred" else nullcontext():
    import mcp, mcp_types._types as ours
from pydantic import BaseModel
models = [one for one in vars(ours).values()
          if isinstance(one, type) and issubclass(one, BaseModel) and one is not BaseModel]
waiting = sum(not one.__pydantic_complete__ for one in models)
schemas = {one.__name__: one.model_json_schema() for one in models}
print(json.dumps([waiting, schemas], sort_keys=True))
"""


def test_the_models_of_the_sdk_are_the_same_either_way() -> None:
    def told(how: str) -> tuple[int, dict[str, object]]:
        return tuple(json.loads(subprocess.check_output([sys.executable, "-c", SCHEMAS, how])))

    (later, deferred_ones), (at_once, others) = told("deferred"), told("at once")
    assert len(others) > 100
    assert deferred_ones == others
    assert at_once < 10 < 100 < later, (at_once, later)
