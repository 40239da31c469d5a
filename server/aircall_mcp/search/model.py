"""The trained model: one linear layer from features to intents, read from one small file.

An intent is an operation (its id) or something that Aircall's API cannot do (`!` and its name).
Weights are half a byte each, a row a feature, in steps that double with the row's level. A row is
read as one long integer and rows are added as such, so that evaluating takes neither numpy nor a
loop over the intents.
"""

from __future__ import annotations

import json
import math
import os
from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from importlib.resources import files
from itertools import chain
from mmap import ACCESS_READ, mmap
from operator import mul
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from zlib import crc32

from ..errors import SpecError
from .record import Record
from .words import Lexicon

if TYPE_CHECKING:
    from .company import Company

FILE = "search.bin"
FORMAT = 4
REFUSED = "!"
"""First character of an intent that Aircall's API cannot serve."""

LEVELS = 7
"""Steps that a row may take: the first, and twice the one before."""

VALUE_STEPS = 15
"""Steps of one in what a feature counts: two hundred and fifty-five stand for 17."""

ZERO = 8
"""Added to every weight in the file, so that none is negative and lanes never borrow."""

_ROWS_A_BYTE = 17
"""Rows of one level that eight bits can add up before they would carry into the neighbour."""

_STEPS_A_LANE = 65_535 // 15
"""The same for sixteen bits, in rows of the first level."""

_REST = 18
"""Bits of a key behind its first fourteen, which three rows have in common."""

_BEGINS = 2 * ((1 << 32 - _REST) + 1)
"""Bytes of what says where those are."""

SEEN_ONCE = 255
"""Rarity in the file of a word that stands in one sentence only: chance, for all but reading."""


class Refusal(Record):
    """Why Aircall's API cannot do something, and the operations (ids) that come nearest."""

    explanation: str
    nearest: tuple[str, ...]


class Settings(Record):
    """What was fitted on voices that were held out; see `train`."""

    scale: float
    """Score that one step of a weight is worth, in a row of the first level."""
    sharpness: float
    """Factor from scores to the exponents of probabilities."""
    sure: float
    """Probability of being served at all from which an answer is acted on."""
    clear: float
    """Probability that the best operation must have for the same."""


def key_of(feature: str) -> int:
    """The number under which a feature stands in the file."""
    return crc32(feature.encode())


class Table(Record):
    """A row a feature: `keys` ascending, of which those with the same first bits begin at one of
    `begins`, what each counts (`values`), its `level`, `weights`, two intents a byte, the even one
    in the lower half, and what it says for `several` needs: small, where weights are not, so that
    it has bytes and a `unit` of its own. The weights stand from `first` on in a mapped file, of
    which no more is read than a text asks for."""

    keys: array[int]
    begins: array[int]
    values: bytes
    levels: bytes
    several: array[int]
    weights: bytes | mmap
    unit: float
    first: int = 0


def begins_of(keys: Sequence[int]) -> array[int]:
    """Where the keys begin of each value of their first bits, and the last of them ends."""
    return array("H", [bisect_left(keys, n << _REST) for n in range(_BEGINS // 2)])


class Vocabulary(Record):
    """Every word of the sentences: `keys` ascending, with `begins` as in a table, in which
    `languages` it was used (a bit each, in the order of `names`), and how rare it is, in steps."""

    names: tuple[str, ...]
    keys: array[int]
    begins: array[int]
    languages: bytes
    rarities: bytes


class Known(dict[str, tuple[int, float | None, Sequence[str]]]):
    """What is known of the words of one query, each looked up once: what `Model.of_word` says, and
    the concepts."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def __missing__(self, word: str) -> tuple[int, float | None, Sequence[str]]:
        self[word] = known = (*self._model.of_word(word), self._model.lexicon.of_word(word))
        return known

    def concepts(self, word: str) -> Sequence[str]:
        return self[word][2]


class Model:
    """Scores intents. `intents` in the order of the scores; `leaning` is what each has without any
    feature; its last number speaks for several needs. `company` is `Company` as JSON.
    """

    def __init__(
        self,
        intents: Sequence[str],
        lexicon: Lexicon,
        refusals: Mapping[str, Refusal],
        company: bytes,
        settings: Settings,
        vocabulary: Vocabulary,
        leaning: Sequence[float],
        table: Table,
    ) -> None:
        self.intents = tuple(intents)
        self.lexicon = lexicon
        self.refusals = refusals
        self._company = company
        self.settings = settings
        self.vocabulary = vocabulary
        self._leaning, self._several, self._table = tuple(leaning[:-1]), leaning[-1], table
        self._width = len(self.intents)
        self._size = (self._width + 1) // 2
        self._lanes = (self._size + 1) // 2
        self._halves = int.from_bytes(b"\x0f" * self._size, "little")
        self._mask = int.from_bytes(b"\xff\x00" * self._lanes, "little")

    @cached_property
    def company(self) -> Company:
        """Read when a sentence has several needs."""
        return json.loads(self._company)

    def of_word(self, word: str) -> tuple[int, float | None]:
        """In which languages somebody used the word, a bit each, and its rarity: more the fewer
        sentences had it, None if it was in one at most."""
        words = self.vocabulary
        key = key_of(word)
        first = key >> _REST
        end = words.begins[first + 1]
        row = bisect_left(words.keys, key, words.begins[first], end)
        if row == end or words.keys[row] != key:
            return 0, None
        steps = words.rarities[row]
        return words.languages[row], None if steps == SEEN_ONCE else steps / VALUE_STEPS

    def rarity(self, word: str) -> float | None:
        return self.of_word(word)[1]

    def languages(self, word: str) -> int:
        return self.of_word(word)[0]

    def rows_of(self, features: Mapping[str, int]) -> dict[int, list[int]]:
        """The rows of the known ones among `features`, by the word that they come from."""
        found: dict[int, list[int]] = {}
        keys, begins = self._table.keys, self._table.begins
        word, rows = -1, list[int]()
        for feature, at in features.items():
            key = crc32(feature.encode())  # as `key_of`, without a call for each of a hundred
            first = key >> _REST
            end = begins[first + 1]
            row = bisect_left(keys, key, begins[first], end)
            if row < end and keys[row] == key:
                if at != word:
                    word, rows = at, found.setdefault(at, [])
                rows.append(row)
        return found

    def scores(self, heard: Mapping[int, Sequence[int]]) -> tuple[list[float], float]:
        """One score an intent, and the one for several needs: their log-odds, from the rows of each
        word."""
        listed, table = list(chain.from_iterable(heard.values())), self._table
        values = [table.values[row] for row in listed]
        length = math.sqrt(sum(map(mul, values, values))) / VALUE_STEPS or 1.0
        unit = self.settings.scale / length
        sums, steps = self._added(listed)
        zero = ZERO * steps
        pairs = zip(sums, self._leaning, strict=False)
        marks = [unit * (total - zero) + own for total, own in pairs]
        several = table.unit / length * sum([table.several[row] for row in listed])
        return marks, several + self._several

    def says(self, heard: Mapping[int, Sequence[int]], intent: int) -> dict[int, int]:
        """What each word says for (or against) one intent, in steps."""
        pairs, levels, size = self._table.weights, self._table.levels, self._size
        column, half = self._table.first + intent // 2, 4 * (intent % 2)
        return {
            at: sum(
                [((pairs[row * size + column] >> half & 15) - ZERO) << levels[row] for row in rows]
            )
            for at, rows in heard.items()
        }

    def probabilities(self, scores: Sequence[float]) -> list[float]:
        top, sharpness = max(scores), self.settings.sharpness
        powers = list(map(math.exp, [sharpness * (score - top) for score in scores]))
        total = sum(powers)
        return [power / total for power in powers]

    def _added(self, rows: Sequence[int]) -> tuple[list[int], int]:
        """The sum of the rows as they are in the file, one number a column, and how many steps went
        into each. From the last level to the first, so that what was added doubles with each."""
        levels, start, size = self._table.levels, self._table.first, self._size
        by_level: list[list[int]] = [[] for _ in range(LEVELS)]
        for row in rows:
            by_level[levels[row]].append(start + row * size)
        steps = sum([len(same) << level for level, same in enumerate(by_level)])
        if steps > _STEPS_A_LANE:
            parts = (self._added(part)[0] for part in (rows[::2], rows[1::2]))
            return list(map(sum, zip(*parts, strict=True))), steps
        weights, number = self._table.weights, int.from_bytes
        halves, mask = self._halves, self._mask
        first, second, third, fourth = 0, 0, 0, 0  # of every four columns
        for same in reversed(by_level):
            first, second, third, fourth = 2 * first, 2 * second, 2 * third, 2 * fourth
            for at in range(0, len(same), _ROWS_A_BYTE):
                chunk = same[at : at + _ROWS_A_BYTE]
                lines = [number(weights[begin : begin + size], "little") for begin in chunk]
                even = sum([line & halves for line in lines])
                odd = (sum(lines) - even) >> 4
                first += even & mask
                second += odd & mask
                third += even >> 8 & mask
                fourth += odd >> 8 & mask
        sums = [0] * (4 * self._lanes)
        for n, lanes in enumerate((first, second, third, fourth)):  # of sixteen bits
            sums[n::4] = array("H", lanes.to_bytes(2 * self._lanes, "little"))
        return sums, steps

    def packed(self, sources: str) -> bytes:
        """The model as the bytes of its file; `sources` is the hash of what it was made from."""
        said = (*self.lexicon.whole.values(), *self.lexicon.starts.values())
        concepts = list(dict.fromkeys(said))
        header = json.dumps(
            {
                "format": FORMAT,
                "sources": sources,
                "intents": self.intents,
                "concepts": concepts,
                "lexicon": ["|".join(self.lexicon.whole), "|".join(self.lexicon.starts)],
                "within": list(self.lexicon.within.items()),
                "refusals": {k: [r.explanation, r.nearest] for k, r in self.refusals.items()},
                "company": len(self._company),
                "settings": [
                    self.settings.scale,
                    self.settings.sharpness,
                    self.settings.sure,
                    self.settings.clear,
                ],
                "unit": self._table.unit,
                "languages": self.vocabulary.names,
                "words": len(self.vocabulary.keys),
                "rows": len(self._table.keys),
            },
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()
        body = b"".join(
            bytes(part)
            for part in (
                array("H", [concepts.index(one) for one in said]).tobytes(),
                self._company,
                array("f", (*self._leaning, self._several)).tobytes(),
                self.vocabulary.keys.tobytes(),
                self.vocabulary.begins.tobytes(),
                self.vocabulary.languages,
                self.vocabulary.rarities,
                self._table.keys.tobytes(),
                self._table.begins.tobytes(),
                self._table.values,
                self._table.levels,
                self._table.several.tobytes(),
                self._table.weights[self._table.first :],
            )
        )
        return len(header).to_bytes(4, "little") + header + body


def header_of(packed: bytes | mmap) -> tuple[dict[str, Any], int]:
    """The header of a model file and where the numbers behind it begin. Raises `SpecError`."""
    size = 4 + int.from_bytes(packed[:4], "little")
    try:
        header = cast("dict[str, Any]", json.loads(packed[4:size]))
    except ValueError:
        raise SpecError(f"{FILE} is broken.", hint=_MEND) from None
    if header.get("format") != FORMAT:
        raise SpecError(f"{FILE} is of another version.", hint=_MEND)
    return header, size


def unpacked(packed: bytes | mmap) -> Model:
    """The model from the bytes of its file. Raises `SpecError` if they are broken."""
    header, at = header_of(packed)
    words, rows, width = int(header["words"]), int(header["rows"]), len(header["intents"])
    lexicon: list[list[str]] = [text.split("|") if text else [] for text in header["lexicon"]]
    size = 2 * sum(map(len, lexicon)) + int(header["company"]) + 2 * _BEGINS
    size += 4 * (width + 1) + 6 * words + rows * (7 + (width + 1) // 2)
    if len(packed) - at != size:
        raise SpecError(f"{FILE} is cut short.", hint=_MEND)

    def taken(size: int) -> bytes:
        nonlocal at
        at += size
        return packed[at - size : at]

    concepts: list[tuple[str, ...]] = [tuple(said) for said in header["concepts"]]
    whole, starts = (
        dict(zip(said, map(concepts.__getitem__, array("H", taken(2 * len(said)))), strict=True))
        for said in lexicon
    )
    company = taken(int(header["company"]))
    leaning = array("f", taken(4 * (width + 1)))
    vocabulary = Vocabulary(
        tuple(header["languages"]),
        array("I", taken(4 * words)),
        array("H", taken(_BEGINS)),
        taken(words),
        taken(words),
    )
    table = Table(
        array("I", taken(4 * rows)),
        array("H", taken(_BEGINS)),
        taken(rows),
        taken(rows),
        array("b", taken(rows)),
        packed,
        float(header["unit"]),
        first=at,
    )
    return Model(
        header["intents"],
        Lexicon(whole, starts, {part: tuple(said) for part, said in header["within"]}),
        {name: Refusal(why, tuple(nearest)) for name, (why, nearest) in header["refusals"].items()},
        company,
        Settings(*header["settings"]),
        vocabulary,
        leaning,
        table,
    )


@lru_cache(maxsize=1)
def load() -> Model:
    """The model inside the package. Raises `SpecError` if it is missing or broken."""
    file = files("aircall_mcp").joinpath("_compiled", FILE)
    try:
        if os.name != "posix" or not isinstance(file, Path):  # elsewhere a mapped file is locked
            return unpacked(file.read_bytes())
        with file.open("rb") as opened:
            return unpacked(mmap(opened.fileno(), 0, access=ACCESS_READ))
    except (OSError, ValueError) as error:
        raise SpecError(f"{FILE} cannot be read ({type(error).__name__}).", hint=_MEND) from None


_MEND = "Reinstall aircall-mcp; in a checkout run `make search-model`."
