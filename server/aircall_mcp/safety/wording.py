"""A policy in words for a person, and as one JSON document."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, cast

from ..errors import ArgumentError
from ..ground.effects import EFFECTS, Allowance
from ..ground.fitting import json_in
from ..ground.operation import Bound, Operation
from ..ground.secrets import MASK
from .deed import Counted
from .policy import DEFAULTS, SUPPRESSED, WHAT, Cap, Line, Look, Policy, Rule, Ruling

_SAYS = {
    ("allow", 1): "is done without asking",
    ("allow", 2): "is done without asking",
    ("ask", 1): "needs a person's yes",
    ("ask", 2): "needs a person's yes on the page or by `aircall-mcp approve`",
    ("deny", 1): "is refused",
    ("deny", 2): "is refused",
}

_KINDS: Mapping[frozenset[Counted], str] = {
    frozenset(): "a call or text",
    frozenset({"calls", "texts"}): "a call or text",
    frozenset({"calls"}): "a call",
    frozenset({"texts"}): "a text",
}


def lines_of(policy: Policy, standing: Collection[Allowance] = ()) -> Iterator[str]:
    """What the policy says, a sentence a line. `standing` is what --allow names."""
    for need, default in DEFAULTS.items():
        line = policy.effects.get(need, default)
        allowed = need in standing and line.say != "deny"
        words = "is done without asking, by --allow" if allowed else _says(line)
        yield f"What {WHAT[need]} ({need}) {words}."
    for name, line in policy.toolsets.items():
        yield f"The toolset {name} {_says(line)}."
    for name, line in policy.operations.items():
        yield f"The operation {name} {_says(line)}."
    for number, rule in enumerate(policy.rules, 1):
        named = "; ".join(f"{key} {_listed(what)}" for key, what in _fitting(rule).items())
        yield f"Rule {number}, {rule.name!r}, for {named or 'everything'}: it {_says(rule.line)}."
    yield from _places(policy)
    yield from _limits(policy)


def _places(policy: Policy) -> Iterator[str]:
    if "any" in policy.countries:
        yield "Calls and texts may go to any country."
    else:
        own = "the countries of your own numbers" if "home" in policy.countries else ""
        named = ", ".join(sorted(policy.countries - {"home"}))
        where = " and ".join(part for part in (own, named) if part)
        yield f"Calls and texts go to {where}; anywhere else {_says(policy.elsewhere)}."
    yield (f"A premium-rate, shared-cost, satellite or personal number {_says(policy.costly)}.")
    yield f"A call or text to a stranger, if a person is asked, {_says(policy.strangers)}."
    yield f"Reaching several people at once, if a person is asked, {_says(policy.batches)}."
    if policy.only:
        yield f"Only {', '.join(policy.only)} may be called or texted."
    if policy.never:
        yield f"{', '.join(policy.never)}: never called or texted."
    if policy.quiet is not None:
        since, until = policy.quiet.since, policy.quiet.until
        yield (
            f"From {since:%H:%M} to {until:%H:%M}, where the recipient is,"
            f" {_KINDS[policy.quiet.kinds]} {_says(policy.quiet.line)}."
        )


def _limits(policy: Policy) -> Iterator[str]:
    for kind, cap in policy.caps.items():
        yield f"{kind.capitalize()}: {_cap(cap)}."
    if policy.numbers or policy.phones:
        ids, phones = ([str(one) for one in sorted(policy.numbers)], sorted(policy.phones))
        yield f"Only these of your numbers are used: {', '.join([*phones, *ids])}."
    if policy.users:
        users = ", ".join(str(one) for one in sorted(policy.users))
        yield f"Only these users are used: {users}."
    if policy.hosts:
        yield f"A webhook leads to {', '.join(sorted(policy.hosts))} only."


def table_of(policy: Policy) -> dict[str, Any]:
    """The same for a program: each line as the file spells it."""
    quiet = policy.quiet
    return {
        "written": policy.written,
        "effects": {
            need: _spelled(policy.effects.get(need, default)) for need, default in DEFAULTS.items()
        },
        "operations": {name: _spelled(line) for name, line in policy.operations.items()},
        "toolsets": {name: _spelled(line) for name, line in policy.toolsets.items()},
        "rules": [
            {"name": rule.name, "say": _spelled(rule.line), **_fitting(rule)}
            for rule in policy.rules
        ],
        "destinations": {
            "countries": sorted(policy.countries),
            "elsewhere": _spelled(policy.elsewhere),
            "costly": _spelled(policy.costly),
            "strangers": _spelled(policy.strangers),
            "batches": _spelled(policy.batches),
            "only": list(policy.only),
            "never": list(policy.never),
        },
        "quiet_hours": None
        if quiet is None
        else {
            "from": f"{quiet.since:%H:%M}",
            "to": f"{quiet.until:%H:%M}",
            "say": _spelled(quiet.line),
            **({"for": sorted(quiet.kinds)} if quiet.kinds else {}),
        },
        "caps": {kind: {"hour": cap.hour, "day": cap.day} for kind, cap in policy.caps.items()},
        "from": {
            "numbers": [*sorted(policy.phones), *sorted(policy.numbers)],
            "users": sorted(policy.users),
        },
        "webhooks": {"hosts": sorted(policy.hosts)},
    }


def _says(line: Line) -> str:
    return _SAYS[line.say, line.grade]


def _spelled(line: Line) -> str:
    return "ask 2" if line.say == "ask" and line.grade == 2 else line.say


def _cap(cap: Cap) -> str:
    parts = [
        f"{most} in any {period}"
        for most, period in ((cap.hour, "hour"), (cap.day, "24 hours"))
        if most is not None
    ]
    return f"at most {' and '.join(parts)}" if parts else "any number"


def _fitting(rule: Rule) -> dict[str, Any]:
    """What must fit, as the file spells it."""
    told: dict[str, Any] = {
        key: sorted(names)
        for key, names in (
            ("operations", rule.operations),
            ("toolsets", rule.toolsets),
            ("accounts", rule.accounts),
            ("principals", rule.principals),
            ("countries", rule.countries),
        )
        if names
    }
    return told | ({"over": rule.over} if rule.over else {})


def _listed(what: Any) -> str:
    return f"{what} recipients" if isinstance(what, int) else ", ".join(what)


def trial_in(operation: Operation, arguments: Any) -> tuple[bool, Any]:
    """Whether nothing is to be done, and the arguments without that word; a tool that performs
    another operation hands it on."""
    if not isinstance(arguments, Mapping):
        return False, arguments
    given = dict(cast("Mapping[str, Any]", arguments))
    dry = given.pop("dry_run", False)
    if dry not in (True, False):
        raise ArgumentError("`dry_run` must be true or false.", hint="Leave it out to do it.")
    if dry and operation.id in EFFECTS:
        inner: Any = json_in(given.get("arguments"))
        inner = cast("Mapping[str, Any]", inner) if isinstance(inner, Mapping) else {}
        return False, {**given, "arguments": {**inner, "dry_run": True}}
    return bool(dry), given


def trial_of(bound: Bound, look: Look | None) -> dict[str, Any]:
    """What a dry run answers: the request as it would be sent, and what the policy would say."""
    operation = bound.operation
    told: dict[str, Any] = {
        "dry_run": True,
        "operation": operation.tool,
        "effect": operation.effect,
    }
    if bound.stakes:
        told["stakes"] = dict(bound.stakes)
    if look is not None:
        ruling = look.ruling
        told |= {"account": look.account, "say": ruling.say, "would": would_be(ruling)}
        if ruling.rule:
            told["rule"] = ruling.rule
        if ruling.say == "ask":
            told["grade"] = ruling.grade
    if not operation.ours:
        request: dict[str, Any] = {"method": operation.method, "path": bound.path}
        if bound.query:
            request["query"] = dict(bound.query)
        if bound.body is not None:
            request["body"] = {
                name: MASK if name in operation.answer.secrets else value
                for name, value in bound.body.items()
            }
        told["request"] = request
    return {"data": told, "notes": ["This was a dry run: nothing was sent."]}


def who_changes(ruling: Ruling) -> str:
    """Who can have it otherwise where it is refused, and by what."""
    if ruling == SUPPRESSED:
        return (
            "Only a person can take it off the list, in a terminal: `aircall-mcp suppress remove`."
        )
    return "The owner of this server can change that: `aircall-mcp policy show` says what goes."


def would_be(ruling: Ruling) -> str:
    """What would become of a call, in a sentence."""
    by = f" ({ruling.rule})" if ruling.rule else ""
    because = f", since {ruling.why}" if ruling.why else ""
    if ruling.say == "allow":
        return f"It would be done{by}."
    if ruling.say == "deny":
        return f"It would be refused{because}{by}. {who_changes(ruling)}"
    grade = " of grade 2" if ruling.grade == 2 else ""
    return f"It would need a person's yes{grade}{because}{by}."
