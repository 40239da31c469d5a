"""What the search is learned from: the sentences, phrases and words in `tool_specs/`."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...errors import SpecError
from ..model import REFUSED, Refusal
from ..words import Lexicon, words_of
from .plain import Grammar

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Example:
    """One sentence, the voice it is in, and the intent it stands for."""

    voice: str
    language: str
    text: str
    intent: str
    plain: bool = False
    """Whether a grammar made it, and nobody said it."""


@dataclass(frozen=True, slots=True)
class Several:
    """One sentence with several needs, in the order of use (operation ids). With `silent` steps
    among them, such as the list of teams where a team is named, it teaches what goes together, but
    not which words ask for what.
    """

    voice: str
    language: str
    text: str
    needs: tuple[str, ...]
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Sources:
    """All that the model is made from."""

    lexicon: Lexicon
    refusals: Mapping[str, Refusal]
    examples: tuple[Example, ...]
    several: tuple[Several, ...]
    languages: Mapping[str, str]
    """What a language is called, by its code."""
    everyday: Mapping[str, Sequence[str]]
    """Words of a language that need not be in its sentences to be known, by its code."""
    hash: str

    def intents(self) -> list[str]:
        return sorted({example.intent for example in self.examples})

    def without(self, voices: Container[str]) -> Sources:
        """The same without what some voices said."""
        return replace(
            self,
            examples=tuple(row for row in self.examples if row.voice not in voices),
            several=tuple(row for row in self.several if row.voice not in voices),
        )


OWN = "ours"
"""The voice of what is beside the voices, and never held out: `ours.toml` for tools of our own,
plain phrases, and those of toolsets, refusals and other programs' names."""

ANY = "any"
"""The language of a file that has all of them."""


def read_sources(root: Path) -> Sources:
    """Read `tool_specs/`. Raises `SpecError` that names file and key for whatever does not fit."""
    files = [
        *sorted((root / "utterances").glob("*.toml")),
        *sorted((root / "plain").glob("*.toml")),
        *sorted((root / "toolsets").glob("*.toml")),
        root / "lexicon.toml",
        root / "negatives.toml",
        root / "names.toml",
    ]
    content = {file: _toml(file) for file in files}
    operations: dict[str, Json] = {}
    own_tools: dict[str, Json] = {}
    for file in sorted((root / "toolsets").glob("*.toml")):
        operations |= content[file].get("operations", {})
        own_tools |= content[file].get("tools", {})
    refusals = {
        name: Refusal(part["explanation"], tuple(part.get("nearest", ())))
        for name, part in content[root / "negatives.toml"]["negatives"].items()
    }
    for name, refusal in refusals.items():
        _known("negatives.toml", name, refusal.nearest, {*operations, *own_tools})
    examples: list[Example] = []
    several: list[Several] = []
    for file in files:
        if file.parent.name != "utterances":
            continue
        spoken = content[file]
        _known(file.name, "operations", spoken.get("operations", {}), {*operations, *own_tools})
        _known(file.name, "unsupported", spoken.get("unsupported", {}), refusals)
        examples += [
            Example(file.stem, spoken["language"], text, mark + name)
            for mark, table in (("", "operations"), (REFUSED, "unsupported"))
            for name, texts in spoken.get(table, {}).items()
            for text in texts
        ]
        for row in spoken.get("several", ()):
            _known(file.name, row["query"], row["needs"], operations)
            needs = tuple(row["needs"])
            silent = spoken.get("silent_steps", False)
            several.append(Several(file.stem, spoken["language"], row["query"], needs, silent))
    values = content[root / "plain" / "values.toml"]["values"]
    for file in files:
        if file.parent.name != "plain" or "language" not in content[file]:
            continue
        spoken = content[file]
        _known(file.name, "unsupported", spoken.get("unsupported", {}), refusals)
        for table in ("operations", "sentences"):
            _known(file.name, table, spoken.get(table, {}), {*operations, *own_tools})
        grammar = Grammar(file.name, spoken["words"], values)
        examples += [
            Example(OWN, spoken["language"], text, mark + name, plain=True)
            for mark, table in (("", "operations"), ("", "sentences"), (REFUSED, "unsupported"))
            for name, patterns in spoken.get(table, {}).items()
            for pattern in patterns
            for text in grammar.phrases(pattern)
        ]
    for name, part in content[root / "negatives.toml"]["negatives"].items():
        examples += [Example(OWN, "en", text, REFUSED + name) for text in part["phrases"]]
    names = content[root / "names.toml"]["operations"]
    _known("names.toml", "operations", names, operations)
    examples += [Example(OWN, "en", text, name) for name, texts in names.items() for text in texts]
    spoken_for = {example.intent for example in examples}
    # Our own tools are said by `ours.toml` and the grammars alone: their texts change more often.
    for name, overlay in operations.items():
        if name in spoken_for and not _replaced(overlay):
            texts = (overlay["title"], overlay["summary"], *overlay["utterances"])
            examples += [Example(OWN, "en", text, name) for text in texts]
    lexicon = Lexicon.of(
        {
            concept: [pattern for words in languages.values() for pattern in words.split()]
            for concept, languages in content[root / "lexicon.toml"]["concepts"].items()
        }
    )
    languages = {
        spoken["language"]: spoken["called"] for spoken in content.values() if "called" in spoken
    }
    everyday = {
        spoken["language"]: [w for said in spoken["everyday"].split() for w in words_of(said)]
        for spoken in content.values()
        if "everyday" in spoken
    }
    _known("plain", "language", {row.language for row in examples} - {ANY}, languages)
    said = (lexicon.whole, lexicon.starts, lexicon.within)
    made_of = repr((said, refusals, examples, several, languages, everyday))
    return Sources(
        lexicon,
        refusals,
        tuple(examples),
        tuple(several),
        languages,
        everyday,
        hashlib.sha256(made_of.encode()).hexdigest(),
    )


def _replaced(overlay: Json) -> bool:
    """Retired and replaced operations are found by name alone, so nothing is learned for them."""
    return overlay["summary"].startswith("Deprecated")


def _toml(file: Path) -> Json:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SpecError(f"{file.name}: {error}.") from None


def _known(file: str, where: str, names: Iterable[str], known: Iterable[str]) -> None:
    if unknown := sorted(set(names) - set(known)):
        raise SpecError(f"{file}: {where}: unknown {', '.join(unknown)}.")
