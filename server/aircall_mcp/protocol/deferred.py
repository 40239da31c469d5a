"""The SDK's models are built when the first message needs them: a session uses a few of hundreds,
and building them all is a tenth of a start.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from pydantic import BaseModel


@contextmanager
def deferred() -> Generator[None]:
    """Models that are defined in here are built at their first use, as `defer_build` says it of one
    whose author can be asked."""
    before = BaseModel.model_config.get("defer_build", False)
    BaseModel.model_config["defer_build"] = True
    try:
        yield
    finally:
        BaseModel.model_config["defer_build"] = before
