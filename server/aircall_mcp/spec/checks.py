"""What must be consistent between the rows: everything that one performs, refers to or reads back
exists."""

from __future__ import annotations

from ..errors import SpecError
from ..ground.effects import PERFORMED
from ..ground.operation import ReadBack
from . import operation_from
from .references import Json


def same_ids(described: set[str], overlaid: set[str], excluded: set[str]) -> None:
    """Every operation that is described is in a toolset or excluded, and only one of them."""
    if described != overlaid | excluded or overlaid & excluded:
        raise SpecError(
            "Document and toolsets differ:"
            f" not in a toolset {sorted(described - overlaid - excluded)},"
            f" not in the document {sorted((overlaid | excluded) - described)},"
            f" in a toolset and excluded {sorted(overlaid & excluded)}."
        )


def performers_at_worst(rows: list[Json]) -> None:
    """What performs operations of one effect is marked by the worst of them."""
    for performer in rows:
        if performer["id"] in PERFORMED:
            worst = {
                stakes
                for row in rows
                if row["effect"] in PERFORMED[performer["id"]]
                for stakes in row.get("worst", ())
            }
            performer["worst"] = sorted(worst)


def check_read_backs(rows: list[Json]) -> None:
    """Every read that settles something is described, and so is every argument it names."""
    arguments = {row["id"]: {part["name"] for part in row["parameters"]} for row in rows}
    reads = {row["id"] for row in rows if row["effect"] == "read"}
    for row in rows:
        if row["read_back"] is None:
            continue
        rule = operation_from(row).read_back or ReadBack("")
        ours = {path.split(".")[0] for path in (*rule.ask.values(), *rule.match.values())}
        theirs = {*rule.ask, *rule.fixed}
        if (
            rule.operation not in reads
            or not ours <= arguments[row["id"]]
            or not theirs <= arguments[rule.operation]
        ):
            raise SpecError(f"{row['id']}: read_back = {rule} does not fit.")


def check_events(rows: list[Json]) -> None:
    """Each family of events looks like the answer of one operation."""
    told: set[str] = set()
    for row in rows:
        if twice := told.intersection(row.get("tells_of", ())):
            raise SpecError(f"{row['id']}: tells_of {sorted(twice)}, as another operation does.")
        told.update(row.get("tells_of", ()))


def check_wishes(rows: list[Json]) -> None:
    """What reaches people says whom and with what, by arguments that it has."""
    for row in rows:
        wish, names = row.get("wish"), {part["name"] for part in row["parameters"]}
        if wish is None:
            if row["effect"] == "reach" and row["method"]:
                raise SpecError(f"{row['id']}: it reaches people, and no wish says whom.")
            continue
        places = [*wish.get("whom", ()), *wish.get("what", {}).values()]
        unknown = {place.removesuffix("[]").split(".")[0] for place in places} - names
        if row["repeatable"] != "never" or not wish.get("family") or not places or unknown:
            raise SpecError(f"{row['id']}: wish = {wish} does not fit.")


def check_stand_ins(own: list[Json], described: Json) -> None:
    """What a tool of ours stands for is an operation, and it alone stands for it."""
    taken: dict[str, str] = {}
    for row in own:
        for name in row["stands_for"]:
            if name not in described:
                raise SpecError(f"{row['id']} stands for {name}, which is no operation.")
            if name in taken:
                raise SpecError(f"{name}: {taken[name]} and {row['id']} both stand for it.")
            taken[name] = row["id"]
        for name in row["gathers"]:
            if name not in described:
                raise SpecError(f"{row['id']} gathers {name}, which is no operation.")


def check_references(rows: list[Json], described: Json, aliases: Json) -> None:
    """What refers to an operation or a tool refers to one that is there."""
    known = set(described)
    tools = {row["tool"] for row in rows}
    for row in rows:
        retired: Json = row["retired"] or {}
        replacement: str = retired.get("replacement", "")
        named: list[str] = [*row["needs_first"], *filter(None, (row["sibling"], replacement))]
        for name in named:
            if name not in known:
                raise SpecError(f"{row['id']} refers to {name}, which is no operation.")
    for old, new in aliases.items():
        if old in tools or new not in tools:
            raise SpecError(f"aliases.toml: {old} = {new} must lead from no tool to a tool.")
