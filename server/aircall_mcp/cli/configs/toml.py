"""TOML, edited with its comments, its order and its blank lines: `tomlkit` keeps all of them.

A new table goes to the end as text, since that is where a person would add it. One that is there is
handed to `tomlkit` by itself: in a whole file whose tables stand in another order it loses some.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Any, cast

from .jsonc import Broken, is_object


def read(text: str) -> Any:
    """The value of `text`, an object. Raises `Broken`."""
    import tomllib

    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise Broken(str(error)) from None


def put(text: str, path: tuple[str, ...], value: Mapping[str, Any]) -> str:
    """`text` in which the table `value` stands at `path`; what is equal is left as it is written.
    Raises `Broken`, also where something else than a table of its own is in the way.
    """
    found = _found(read(text), path)
    if found == value:
        return text
    newline = "\r\n" if "\r\n" in text else "\n"
    if found is None:
        gap = "" if not text.strip("\ufeff") else newline if text.endswith("\n") else 2 * newline
        text += gap + newline.join(_lines(path, value)) + newline
    else:
        start, end = _block(text, path)
        text = text[:start] + _changed(text[start:end], path, value) + text[end:]
    if _found(read(text), path) != value:  # such as in a table that was closed
        raise Broken(f"`{'.'.join(path)}` is written in a way that is not understood here")
    return text


def drop(text: str, path: tuple[str, ...]) -> str:
    """`text` without the table at `path`, if it is there. Raises `Broken`."""
    if _found(read(text), path) is None:
        return text
    start, end = _block(text, path)
    head, tail = text[:start], text[end:]
    if not tail.strip():
        head = head.rstrip("\r\n") + ("\r\n" if "\r\n" in text else "\n" if head else "")
    return head + tail


def _block(text: str, path: tuple[str, ...]) -> tuple[int, int]:
    """Where the table of `path` begins and ends, with those inside it, by the lines of their heads.

    A line within a text may look like a head: what is cut wrongly so does not hold against what
    is read of the whole, and nothing is written.
    """
    name = r"\s*\.\s*".join(f"(?:{re.escape(key)}|[\"']{re.escape(key)}[\"'])" for key in path)
    ours = re.compile(rf"^[ \t]*\[\s*{name}\s*(?:\]|\.)", re.MULTILINE)
    heads = [head.start() for head in _HEAD.finditer(text)]
    mine = [start for start in heads if ours.match(text, start)]
    if not mine or mine != heads[heads.index(mine[0]) :][: len(mine)]:
        raise Broken(f"`{'.'.join(path)}` is not a table of its own, in one place")
    after = heads[heads.index(mine[-1]) + 1 :]
    end = after[0] if after else len(text)
    lines = text[mine[0] : end].splitlines(keepends=True)
    while after and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        end -= len(lines.pop())  # what stands above the next head belongs to it
    return mine[0], end


_HEAD = re.compile(r"^[ \t]*\[[^\n]*\][ \t]*(?:#[^\n]*)?\r?$", re.MULTILINE)


def _changed(block: str, path: tuple[str, ...], value: Mapping[str, Any]) -> str:
    """The text of our table alone, changed member by member."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(block)
        table: Any = document
        for key in path:
            table = table[key]
        _merge(table, value)
        return tomlkit.dumps(document)  # pyright: ignore[reportUnknownMemberType]
    except TOMLKitError as error:
        raise Broken(str(error)) from None


def _found(value: Any, path: tuple[str, ...]) -> Any:
    for depth, key in enumerate(path):
        if not is_object(value):
            raise Broken(f"`{'.'.join(path[:depth])}` is no table")
        if key not in value:
            return None
        value = value[key]
    if not is_object(value):
        raise Broken(f"`{'.'.join(path)}` is no table")
    return value


def _merge(table: MutableMapping[str, Any], value: Mapping[str, Any]) -> None:
    for key in [key for key in table if key not in value]:
        del table[key]
    for key, wanted in value.items():
        there: Any = table.get(key)
        if isinstance(there, MutableMapping) and is_object(wanted):
            _merge(cast("MutableMapping[str, Any]", there), wanted)
        elif there != wanted:
            table[key] = _item(wanted)


def _lines(path: tuple[str, ...], value: Mapping[str, Any]) -> list[str]:
    name = ".".join(path)
    return [f"[{name}]", *(f"{key} = {_item(one).as_string()}" for key, one in value.items())]


def _item(value: Any) -> Any:
    """What tomlkit writes of `value`: a table within one line."""
    import tomlkit

    if not is_object(value):
        return cast("Any", tomlkit.item(value))
    table = tomlkit.inline_table()
    table.update(value)  # pyright: ignore[reportUnknownMemberType]
    return table
