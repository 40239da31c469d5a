"""TOML, edited with its comments, its order and its blank lines: `tomlkit` keeps all of them.

A new table goes to the end as text, since that is where a person would add it; `tomlkit` finds and
changes one that is there.
"""

from __future__ import annotations

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
    Raises `Broken`, also where something else than a table is in the way.
    """
    if _found(read(text), path) is None:
        newline = "\r\n" if "\r\n" in text else "\n"
        gap = "" if not text.strip("\ufeff") else newline if text.endswith("\n") else 2 * newline
        text += gap + newline.join(_lines(path, value)) + newline
        read(text)  # a table that was closed, such as one in a single line, takes no more
        return text
    document, table = _opened(text, path)
    _merge(table, value)
    return _written(text, document)


def drop(text: str, path: tuple[str, ...]) -> str:
    """`text` without the table at `path`, if it is there. Raises `Broken`."""
    if _found(read(text), path) is None:
        return text
    document, parent = _opened(text, path[:-1])
    del parent[path[-1]]
    return _written(text, document)


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


def _opened(text: str, path: tuple[str, ...]) -> tuple[Any, MutableMapping[str, Any]]:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text.removeprefix("\ufeff"))
        table: Any = document
        for key in path:
            table = table[key]
    except TOMLKitError as error:
        raise Broken(str(error)) from None
    return document, table


def _written(before: str, document: Any) -> str:
    import tomlkit

    mark = "\ufeff" if before.startswith("\ufeff") else ""
    return mark + tomlkit.dumps(document)  # pyright: ignore[reportUnknownMemberType]


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
