"""JSON with comments, edited in its text: everything that is not ours keeps every byte.

No library that Python has edits JSON and leaves the rest alone: those that keep comments write the
whole document anew in a form of their own. So what is read here is where each value stands.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, TypeGuard, cast

DEEPEST = 100
"""Objects and lists inside each other. No config has a tenth of it."""

_TRIVIA = re.compile(r"(?:[ \t\r\n\ufeff]+|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_GAPS = re.compile(r"[ \t\r\n\ufeff,]+|//[^\r\n]*|/\*.*?\*/", re.DOTALL)
_SPACE = re.compile(r"[ \t]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_SCALAR = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")


class Broken(ValueError):
    """What stands there is no JSON; says where."""


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


@dataclass(slots=True)
class _Node:
    """One value and where it stands: `start` and `end` are places in the text."""

    start: int
    end: int
    value: Any
    items: list[_Item] = field(default_factory=list["_Item"])


@dataclass(slots=True)
class _Item:
    """A member of an object, or an item of a list, whose `key` is its number."""

    key: str | int
    start: int
    node: _Node
    comma: int | None = None
    """Where the comma after it stands, if there is one."""


def read(text: str) -> Any:
    """The value of `text`; None where there is none. Raises `Broken`."""
    root = _parsed(text)
    return None if root is None else root.value


def put(text: str, path: tuple[str, ...], value: Any) -> str:
    """`text` in which `value` stands at `path`, and all else as it was.

    What is missing on the way is made. An object that is there already is changed member by member,
    a list whose items have an `id` item by item; what is equal is left as it is written. Raises
    `Broken`, also where something else than an object is in the way.
    """
    root = _parsed(text)
    if root is None:
        for key in reversed(path):
            value = {key: value}
        end = "" if not text or text.endswith(("\n", "\r")) else _newline(text)
        return text + end + _rendered(value, "  ", "", _newline(text)) + _newline(text)
    return _put(text, root, path, value)


def drop(text: str, path: tuple[str, ...]) -> str:
    """`text` without what stands at `path`, if it is there: a member, or the list's item of that
    `id`. Raises `Broken`.
    """
    root = _parsed(text)
    *way, last = path
    node = root
    for key in way:
        node = _at(node, key) if node else None
    found = _item(node, last) if node else None
    return text if node is None or found is None else _without(text, node, found)


def _put(text: str, root: _Node, path: tuple[str, ...], value: Any) -> str:
    node = parent = root
    for depth, key in enumerate(path):
        _check_object(node, path[:depth])
        parent, found = node, _at(node, key)
        if found is None:
            for missing in reversed(path[depth + 1 :]):
                value = {missing: value}
            return _with(text, root, node, key, value)
        node = found
    if _told(node.value) == _told(value):
        return text
    if is_object(value) and is_object(node.value):
        return _merged(text, path, value, node)
    if _identified(value):
        if not _identified(node.value):
            raise Broken(f"`{'.'.join(path)}` is no list of what has an `id`")
        return _with_items(text, path, value)
    indent = _line_indent(text, node.start)
    rendered = _rendered(value, _unit(text, root), indent, _newline(text), flat=_flat(text, parent))
    return text[: node.start] + rendered + text[node.end :]


def _merged(text: str, path: tuple[str, ...], value: dict[str, Any], node: _Node) -> str:
    for item in node.items:
        if item.key not in value:
            text = drop(text, (*path, str(item.key)))
    for key, member in value.items():
        text = put(text, (*path, key), member)
    return text


def _with_items(text: str, path: tuple[str, ...], value: list[dict[str, Any]]) -> str:
    """Each of `value` put where the item of its `id` is, or at the end; the others stay."""
    for wanted in value:
        root = cast("_Node", _parsed(text))
        node = root
        for key in path:
            node = cast("_Node", _at(node, key))
        found = _item(node, wanted["id"])
        if found is None:
            text = _with(text, root, node, None, wanted)
        elif _told(found.node.value) != _told(wanted):
            text = _without(text, node, found)
            text = _with_items(text, path, [wanted])
    return text


def _identified(value: Any) -> TypeGuard[list[dict[str, Any]]]:
    return is_list(value) and all(is_object(one) and "id" in one for one in value)


def _check_object(node: _Node, way: tuple[str, ...]) -> None:
    if not is_object(node.value):
        where = f"`{'.'.join(way)}`" if way else "the whole"
        raise Broken(f"{where} is no object")


def _at(node: _Node, key: str) -> _Node | None:
    found = _item(node, key)
    return found.node if found else None


def _item(node: _Node, key: str) -> _Item | None:
    """The member `key`, or the item of a list whose `id` it is."""
    if is_list(node.value):
        return next(
            (one for one in node.items
             if is_object(one.node.value) and one.node.value.get("id") == key),
            None,
        )  # fmt: skip
    found = [one for one in node.items if one.key == key]
    if len(found) > 1:
        raise Broken(f"`{key}` stands there twice")
    return found[0] if found else None


def _told(value: Any) -> str:
    """What is equal to JSON, whatever the order: `1` and `true`, equal to Python, are not."""
    return json.dumps(value, sort_keys=True)


# How it is written.


def _with(text: str, root: _Node, node: _Node, key: str | None, value: Any) -> str:
    """`text` with one more member (or item) at the end of `node`."""
    newline, unit = _newline(text), _unit(text, root)
    name = "" if key is None else f"{json.dumps(key, ensure_ascii=False)}: "
    if not node.items:
        indent = _line_indent(text, node.start)
        inner = indent + unit
        after = _after_comments(text, node.start + 1, node.end - 1)
        member = name + _rendered(value, unit, inner, newline)
        return f"{text[:after]}{newline}{inner}{member}{newline}{indent}{text[node.end - 1 :]}"
    last = node.items[-1]
    if flat := _flat(text, node):
        member = name + _rendered(value, unit, "", newline, flat=flat)
        if flat == "tight":
            member = member.replace(": ", ":", 1) if name else member
        gap = "" if flat == "tight" else " "
        if last.comma is None:
            return f"{text[: last.node.end]},{gap}{member}{text[last.node.end :]}"
        return f"{text[: last.comma + 1]}{gap}{member},{text[last.comma + 1 :]}"
    inner = _line_indent(text, last.start)
    member = f"{newline}{inner}{name}{_rendered(value, unit, inner, newline)}"
    if last.comma is None:
        place = _end_of_line(text, last.node.end, node.end - 1)
        return f"{text[: last.node.end]},{text[last.node.end : place]}{member}{text[place:]}"
    place = _end_of_line(text, last.comma + 1, node.end - 1)
    return f"{text[:place]}{member},{text[place:]}"


def _without(text: str, node: _Node, item: _Item) -> str:
    """`text` without `item`: the exact opposite of `_with`. Comments of others stay."""
    place = node.items.index(item)
    before = node.items[place - 1] if place else None
    end = item.node.end if item.comma is None else item.comma + 1
    start = len(text[: item.start].rstrip(" \t\r\n"))
    gap = text[before.node.end if before else node.start + 1 : start]
    last = (_GAPS.findall(gap) or [""])[-1]
    if last.startswith("//") and text[end : end + 1] not in ("\n", "\r"):
        start = item.start  # what follows must not become part of that comment
    if before and before.comma is not None and item.comma is None:
        return text[: before.comma] + text[before.comma + 1 : start] + text[end:]
    left = text[node.start + 1 : start] + text[end : node.end - 1]
    if len(node.items) == 1 and not left.strip():
        return text[: node.start + 1] + text[node.end - 1 :]
    return text[:start] + text[end:]


def _rendered(value: Any, unit: str, indent: str, newline: str, *, flat: str = "") -> str:
    if flat:
        marks = (",", ":") if flat == "tight" else (", ", ": ")
        return json.dumps(value, ensure_ascii=False, separators=marks)
    lines = json.dumps(value, ensure_ascii=False, indent=unit).split("\n")
    return f"{newline}{indent}".join(lines)


def _flat(text: str, node: _Node) -> str:
    """How the items of a container that has them on one line are written, else nothing."""
    before = text[node.start : node.items[-1].start]
    if "\n" in before or "\r" in before:
        return ""
    return "spaced" if ": " in text else "tight"


def _newline(text: str) -> str:
    found = re.search(r"\r\n|\n|\r", text)
    return found[0] if found else "\n"


def _line_indent(text: str, place: int) -> str:
    """The white space that the line of `place` begins with."""
    begin = max(text.rfind("\n", 0, place), text.rfind("\r", 0, place)) + 1
    return cast("re.Match[str]", _SPACE.match(text, begin))[0]


def _unit(text: str, root: _Node) -> str:
    """What one level is indented by: as the first member of the document that has a line."""
    for item in root.items:
        indent = _line_indent(text, item.start)
        if indent and text[: item.start].endswith(("\n" + indent, "\r" + indent)):
            return indent
    return "  "


def _after_comments(text: str, start: int, end: int) -> int:
    """Where the last comment between `start` and `end` ends, `start` if there is none."""
    return start + len(text[start:end].rstrip(" \t\r\n"))


def _end_of_line(text: str, place: int, limit: int) -> int:
    """Behind what is left of the line: its comments alone, never the end of the object."""
    line = re.compile(r"(?:[ \t]+|//[^\r\n]*|/\*[^\r\n]*?\*/)*").match(text, place, limit)
    end = place if line is None else line.end()
    if end < limit and text[end] not in "\r\n":
        return place
    return place + len(text[place:end].rstrip(" \t"))


# How it is read.


def _parsed(text: str) -> _Node | None:
    place = _skipped(text, 0)
    if place == len(text):
        return None
    node = _value(text, place, 0)
    if (rest := _skipped(text, node.end)) != len(text):
        raise _broken(text, rest, "something follows its end")
    return node


def _skipped(text: str, place: int) -> int:
    place = cast("re.Match[str]", _TRIVIA.match(text, place)).end()
    if text.startswith("/*", place):
        raise _broken(text, place, "a comment has no end")
    return place


def _value(text: str, place: int, depth: int) -> _Node:
    if depth > DEEPEST:
        raise _broken(text, place, "it is too deep")
    first = text[place : place + 1]
    if first in ("{", "["):
        return _container(text, place, depth)
    if (string := _STRING.match(text, place)) is not None:
        return _Node(place, string.end(), _scalar(text, place, string[0]))
    if (scalar := _SCALAR.match(text, place)) is not None:
        return _Node(place, scalar.end(), _scalar(text, place, scalar[0]))
    raise _broken(text, place, "a value is missing" if first in ("", "}", "]", ",") else "no value")


def _container(text: str, start: int, depth: int) -> _Node:
    closing = "}" if text[start] == "{" else "]"
    items: list[_Item] = []
    place = _skipped(text, start + 1)
    while text[place : place + 1] != closing:
        if items and items[-1].comma is None:
            raise _broken(text, place, f"a comma or `{closing}` is missing")
        begin, key = place, len(items)
        if closing == "}":
            string = _STRING.match(text, place)
            if string is None:
                raise _broken(text, place, "a name in double quotes is missing")
            key = _scalar(text, place, string[0])
            place = _skipped(text, string.end())
            if text[place : place + 1] != ":":
                raise _broken(text, place, "a colon is missing")
            place = _skipped(text, place + 1)
        node = _value(text, place, depth + 1)
        items.append(_Item(key, begin, node))
        place = _skipped(text, node.end)
        if text[place : place + 1] == ",":
            items[-1].comma = place
            place = _skipped(text, place + 1)
    value: Any = [item.node.value for item in items]
    if closing == "}":
        value = {item.key: item.node.value for item in items}
    return _Node(start, place + 1, value, items)


def _scalar(text: str, place: int, found: str) -> Any:
    try:
        return json.loads(found)
    except ValueError:  # an escape that is none, a number of thousands of digits
        raise _broken(text, place, "a text or a number that cannot be read") from None


def _broken(text: str, place: int, said: str) -> Broken:
    line = len(re.findall(r"\r\n|\n|\r", text[:place])) + 1
    return Broken(f"line {line}: {said}")
