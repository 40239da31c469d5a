"""YAML, edited in its text: everything that is not ours keeps every byte.

PyYAML says on which line each value stands. What writes a whole document anew, with its comments,
would still indent and wrap the lines of others in its own way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .jsonc import Broken, is_object


def read(text: str) -> Any:
    """The value of `text`; None where there is none. Raises `Broken`."""
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Broken(" ".join(str(error).split())) from None


def put(text: str, path: tuple[str, ...], value: Mapping[str, Any]) -> str:
    """`text` in which `value` stands at `path`, two names; what is equal is left as it is written.
    Raises `Broken`, also where something else than a mapping of several lines is in the way.
    """
    top, name = path
    found = _found(read(text), path)
    if found == value:
        return text
    text = drop(text, path) if found is not None else text
    lines, newline = _lines_of(text)
    root = _composed(text)
    key, node = _member(root, top) if root is not None else (None, None)
    if key is None or node is None:
        added = [f"{top}:", *_rendered(name, value, "  ")]
        return "".join([*lines, *(line + newline for line in added)])
    indent, row = "  ", int(key.start_mark.line)
    empty = node.id == "scalar" or not node.value
    if not empty and node.flow_style:
        raise Broken(f"`{top}` is written within one line")
    if not empty:
        indent = " " * node.value[0][0].start_mark.column
    added = [line + newline for line in _rendered(name, value, indent)]
    if empty and node.start_mark.index != node.end_mark.index:  # `{}`, `null`
        if {node.start_mark.line, node.end_mark.line} != {row}:
            raise Broken(f"`{top}` begins on another line than its name")
        begin, end = int(node.start_mark.column), int(node.end_mark.column)
        lines[row] = lines[row][:begin].rstrip() + lines[row][end:]
    return "".join([*lines[: row + 1], *added, *lines[row + 1 :]])


def drop(text: str, path: tuple[str, ...]) -> str:
    """`text` without what stands at `path`, one name or two, if it is there. Raises `Broken`."""
    if _found(read(text), path) is None:
        return text
    lines, _ = _lines_of(text)
    parent = _composed(text)
    for name in path[:-1]:
        _, parent = _member(parent, name)
    if parent.flow_style:
        raise Broken(f"`{path[0]}` is written within one line")
    key, node = _member(parent, path[-1])
    begin, end = key.start_mark.line, _last_line(node, key.start_mark.line)
    kept = [*lines[:begin], *lines[end + 1 :]]
    if len(path) > 1 and len(parent.value) == 1:  # nothing behind a name would be no mapping
        row = next(number for number in range(begin - 1, -1, -1)
                   if lines[number].lstrip().startswith(f"{path[0]}:"))  # fmt: skip
        kept[row] = kept[row].replace(f"{path[0]}:", f"{path[0]}: {{}}", 1)
    return "".join(kept)


def _found(value: Any, path: tuple[str, ...]) -> Any:
    for depth, name in enumerate(path):
        if value is None:
            return None
        if not is_object(value):
            what = f"`{path[depth - 1]}`" if depth else "the whole"
            raise Broken(f"{what} is no mapping")
        value = value.get(name)
    return value


def _composed(text: str) -> Any:
    import yaml

    root: Any = yaml.compose(text)  # pyright: ignore[reportUnknownMemberType]
    if root is not None and root.flow_style:
        raise Broken("the whole is written within braces")
    return root


def _member(node: Any, name: str) -> tuple[Any, Any]:
    found = [(key, value) for key, value in node.value if key.value == name]
    if len(found) > 1:
        raise Broken(f"`{name}` stands there twice")
    return found[0] if found else (None, None)


def _last_line(node: Any, least: int) -> int:
    """The last line on which something of `node` stands. A block ends before what follows it."""
    if node.id == "scalar":
        last = node.end_mark.line
        return max(least, last - 1 if node.end_mark.column == 0 and last > least else last)
    if node.flow_style:
        return max(least, node.end_mark.line)
    parts: list[Any] = list(node.value)
    if node.id == "mapping":
        parts = [part for pair in node.value for part in pair]
    return max([least, *(_last_line(part, part.start_mark.line) for part in parts)])


def _rendered(name: str, value: Mapping[str, Any], indent: str) -> list[str]:
    import yaml

    text = yaml.safe_dump(
        {name: dict(value)}, sort_keys=False, allow_unicode=True, width=1 << 20, indent=2
    )
    return [indent + line for line in text.splitlines()]


def _lines_of(text: str) -> tuple[list[str], str]:
    """The lines with their ends, the last one with one too, and how they end."""
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = [line + "\n" for line in text.split("\n")]
    last = lines.pop().removesuffix("\n")
    return [*lines, *([last + newline] if last else [])], newline
