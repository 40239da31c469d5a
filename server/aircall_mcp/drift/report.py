"""The findings of a survey for a bug report, in the form of `tests/live/facts.toml`.

Each field stands with a value of the form that came, and that value is invented: it is nobody's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from .compare import Difference
from .forms import invented
from .survey import Survey

SOURCE = "probe"


def in_words(one: Difference) -> str:
    """One difference as a sentence for a person."""
    often = f" ({one.times} of {one.among})" if one.among > 1 else ""
    match one.kind:
        case "absent":
            return f"{one.of}: {one.place} is not there{often}"
        case "extra" if one.name:
            return f"{one.of}: {one.place} is new: {one.seen}{often}"
        case "extra":
            return f"{one.of}: {one.at or 'the answer'} has {one.said}{often}"
        case "status":
            return f"{one.of}: answered {one.seen}, not {one.said}"
        case "header":
            name = one.name or "(a name that is not shown)"
            return f"{one.of}: the header {name} is {one.seen}, not {one.said}{often}"
        case "page" | "window":
            return f"{one.of}: {one.name}: {one.said}; seen: {one.seen}"
        case _:
            return f"{one.of}: {one.place or 'the answer'} is {one.seen}, not {one.said}{often}"


def as_json(survey: Survey) -> dict[str, Any]:
    return asdict(survey)


def as_toml(survey: Survey, *, version: str, day: str) -> str:
    """The whole report. `day` is the ISO date on which it was looked at."""
    return "\n".join(_lines(survey, version, day)) + "\n"


def _lines(survey: Survey, version: str, day: str) -> Iterator[str]:
    yield f"# What Aircall answers, held against the description in aircall-mcp {version}."
    yield "# Nothing of the account is in here: values are invented, of the form that came."
    yield f"# {survey.requests} reads, {len(survey.looked)} operations answered,"
    yield f"# {len(survey.differences)} differences."
    yield ""
    yield f"[sources.{SOURCE}]"
    yield 'name = "aircall-mcp doctor --probe"'
    yield f"seen = {_written(day)}"
    yield 'how = "reads with a company\'s own key; every value replaced by one of its form"'
    bodies = [one for one in survey.differences if one.kind in _OF_BODIES]
    bodies.sort(key=lambda one: (one.of, one.where, one.at))
    for (of, where, at), found in groupby(bodies, key=lambda one: (one.of, one.where, one.at)):
        yield from _recorded(of, where, at, list(found))
    for one in survey.differences:
        if one.kind not in _OF_BODIES:
            yield from _ELSE[one.kind](one)
    if survey.unseen:
        yield ""
        yield "# Not looked at:"
        yield from (f"# {one.of}: {one.why}" for one in survey.unseen)


_OF_BODIES = ("absent", "extra", "type", "form", "word")


def _recorded(of: str, where: str, at: str, found: Sequence[Difference]) -> Iterator[str]:
    yield ""
    yield from (f"# {in_words(one)}" for one in found)
    yield "[[recorded]]"
    yield f"of = {_written(of)}"
    yield f"at = {_written(at)}"
    yield f'source = "{SOURCE}"'
    yield f"where = {_written(where)}"
    absent = [one.name for one in found if one.kind == "absent"]
    if absent:
        yield f"absent = {_written(absent)}"
    came = [one for one in found if one.kind != "absent" and one.name]
    nothing = [one.name for one in came if invented(_first(one.seen)) is None]
    if nothing:
        yield f"null = {_written(nothing)}"
    yield "[recorded.fields]"
    for one in came:
        if one.name not in nothing:
            yield f"{_key(one.name)} = {_written(invented(_first(one.seen)))}"


def _answered(one: Difference) -> Iterator[str]:
    yield from ("", f"# {in_words(one)}", "[[answered]]")
    yield f"ask = {_written(one.where)}"
    yield f'source = "{SOURCE}"'
    yield f"where = {_written(one.of)}"
    yield f"status = {int(one.seen)}"


def _headed(one: Difference) -> Iterator[str]:
    yield from ("", f"# {in_words(one)}", "[[headed]]")
    yield f"ask = {_written(one.where)}"
    yield f'source = "{SOURCE}"'
    yield f"header = {_written(one.name)}"
    yield f"said = {_written(one.said)}"
    yield f"seen = {_written(one.seen)}"


def _ruled(one: Difference) -> Iterator[str]:
    yield from ("", f"# {in_words(one)}", "[[ruled]]")
    yield f"rule = {_written(one.name)}"
    yield f"says = {_written(f'{one.seen}, where the description has: {one.said}')}"
    yield f'source = "{SOURCE}"'
    yield f"where = {_written(one.where)}"


_ELSE = {"status": _answered, "header": _headed, "page": _ruled, "window": _ruled}


def _first(seen: str) -> str:
    """Of several forms one is enough for a fact."""
    return seen.split(" or ")[0]


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _written(name)


def _written(value: Any) -> str:
    """A value as TOML writes it, which for these is as JSON does."""
    return json.dumps(value)
