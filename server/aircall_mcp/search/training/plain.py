"""Short plain phrases, from `tool_specs/plain/`: a small grammar a language, spoken out.

`(a|b|)` is one of several or nothing, `{word}` what stands under that name, and `~ a, b, c` the
parts in any order. Each choice is gone through before any of it comes again, so that a few phrases
use all the words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import TypeAlias

from ...errors import SpecError
from ..words import NAME

LEAST, MOST = 10, 64
"""Phrases that are drawn from one pattern, where it has so many."""

POLITE, POLITELY = "polite", 6
"""The words that stand before a phrase, and of how many phrases before one."""

STORY, TAIL, SELDOM = "story", "tail", 6
"""What is told before a phrase and after one, which says nothing of what is wanted, and of how many
phrases one is said once more with each."""

_TRIES = 3
"""Draws for a phrase that has not been drawn yet."""

_PARTS = re.compile(r"[(|)]|\{\w+\}|[^(|){}]+")
_BAG = "~"
_NAMES = ("name", "last")
"""Values of which every third is no name but stands for the ones that nobody thought of."""


class Choice:
    """One of several nodes, each once before any comes again. A `value` is any of many: which one
    says nothing."""

    def __init__(self, options: Sequence[Node], *, value: bool = False) -> None:
        self.options, self.value = options, value
        self._left: list[Node] = []

    def drawn(self, chance: Random) -> Node:
        if not self._left:
            self._left = sorted(self.options, key=lambda _: chance.random())
        return self._left.pop()


Node: TypeAlias = "str | list[Node] | Choice"


class Grammar:
    """What is said with `words` and `values`, which stand for one word or one of several."""

    def __init__(self, file: str, words: Mapping[str, str], values: Mapping[str, str]) -> None:
        self._file, self._words, self._values = file, words, values
        self._named: dict[str, Node] = {}

    def phrases(self, pattern: str) -> list[str]:
        """Some phrases of `pattern`, the same in every run. Raises `SpecError`."""
        chance = Random(pattern)  # noqa: S311 (it must draw the same again)
        bag = pattern.startswith(_BAG)
        written = pattern[1:].split(",") if bag else [pattern]
        parts = [self._parsed(part) for part in written]
        count = min(max(LEAST, *(_widest(part) for part in parts)), MOST)
        said: dict[str, None] = {}
        for _ in range(_TRIES * count):
            order = sorted(parts, key=lambda _: chance.random()) if bag else parts
            said.setdefault(" ".join(" ".join(_spoken(part, chance) for part in order).split()))
            if len(said) == count:
                break
        if bag:
            return list(said)
        phrases: list[str] = []
        for n, text in enumerate(said):
            polite = n % POLITELY == POLITELY - 1
            phrases.append(self._beside(text, POLITE, chance) if polite else text)
            if n % SELDOM == 1:
                phrases.append(self._beside(text, STORY, chance))
            if n % SELDOM == 3:
                phrases.append(self._beside(text, TAIL, chance))
        return list(dict.fromkeys(phrases))

    def _beside(self, text: str, name: str, chance: Random) -> str:
        """`text` with what stands under `name` where it belongs, or alone if there is none."""
        if name not in self._words:
            return text
        said = _spoken(self._of_name(name, text), chance)
        return f"{text}{said}" if name == TAIL else f"{said} {text}"

    def _parsed(self, pattern: str) -> Node:
        pieces = iter([*_PARTS.findall(pattern), ")"])
        node = self._sequence(pieces, pattern)
        if next(pieces, None) is not None:
            raise SpecError(f"{self._file}: {pattern}: brackets do not match.")
        return node

    def _sequence(self, pieces: Iterator[str], pattern: str) -> Node:
        options: list[Node] = []
        nodes: list[Node] = []
        for piece in pieces:
            if piece == "(":
                nodes.append(self._sequence(pieces, pattern))
            elif piece in "|)":
                options.append(nodes)
                nodes = []
                if piece == ")":
                    return options[0] if len(options) == 1 else Choice(options)
            elif piece.startswith("{"):
                nodes.append(self._of_name(piece[1:-1], pattern))
            else:
                nodes.append(piece)
        raise SpecError(f"{self._file}: {pattern}: brackets do not match.")

    def _of_name(self, name: str, pattern: str) -> Node:
        if name in self._values and name not in self._named:
            options: list[Node] = list(self._values[name].split("|"))
            if name in _NAMES:
                options += [NAME] * (len(options) // 2)
            self._named[name] = Choice(options, value=True)
        if name in self._words and name not in self._named:
            self._named[name] = self._parsed(self._words[name])
        if name not in self._named:
            raise SpecError(f"{self._file}: {pattern}: nothing stands under {name}.")
        return self._named[name]


def _widest(node: Node) -> int:
    """The most ways to choose from."""
    if isinstance(node, str):
        return 1
    inside = node.options if isinstance(node, Choice) else node
    own = len(inside) if isinstance(node, Choice) and not node.value else 1
    return max(own, *(_widest(part) for part in inside), 1)


def _spoken(node: Node, chance: Random) -> str:
    if isinstance(node, str):
        return node
    if isinstance(node, Choice):
        return _spoken(node.drawn(chance), chance)
    return "".join(_spoken(part, chance) for part in node)
