"""The trained model: one linear layer from features to intents, read from one small file.

An intent is an operation (its id) or something that Aircall's API cannot do (`!` and its name).
Weights are half a byte each, a row a feature, in steps that double with the row's level. A row is
read as one long integer and rows are added as such, so that evaluating takes neither numpy nor a
loop over the intents.
"""

from __future__ import annotations

import json
import math
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple, cast

from ..errors import SpecError
from .company import Company
from .words import Lexicon

FILE = "search.bin"
FORMAT = 3
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

SEEN_ONCE = 255
"""Rarity in the file of a word that stands in one sentence only: chance, for all but reading."""


class Refusal(NamedTuple):
    """Why Aircall's API cannot do something, and the operations (ids) that come nearest."""

    explanation: str
    nearest: tuple[str, ...]


class Settings(NamedTuple):
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
    return zlib.crc32(feature.encode("utf-8", "surrogatepass"))


class Table(NamedTuple):
    """A row a feature: `keys` ascending, what each counts (`values`), its `level`, `weights`, two
    intents a byte, the even one in the lower half, and what it says for `several` needs: small,
    where weights are not, so that it has bytes and a `unit` of its own."""

    keys: array[int]
    values: bytes | memoryview
    levels: bytes | memoryview
    several: array[int]
    weights: bytes | memoryview
    unit: float


class Vocabulary(NamedTuple):
    """Every word of the sentences: `keys` ascending, in which `languages` it was used (a bit each,
    in the order of `names`), and how rare it is, in steps."""

    names: tuple[str, ...]
    keys: array[int]
    languages: bytes | memoryview
    rarities: bytes | memoryview


class Model:
    """Scores intents. `intents` in the order of the scores; `leaning` is what each has without any
    feature; its last number speaks for several needs.
    """

    def __init__(
        self,
        intents: Sequence[str],
        lexicon: Lexicon,
        refusals: Mapping[str, Refusal],
        company: Company,
        settings: Settings,
        vocabulary: Vocabulary,
        leaning: Sequence[float],
        table: Table,
    ) -> None:
        self.intents = tuple(intents)
        self.lexicon = lexicon
        self.refusals = refusals
        self.company = company
        self.settings = settings
        self.vocabulary = vocabulary
        self._leaning, self._table = leaning, table
        self._width = len(self.intents)
        self._size = (self._width + 1) // 2
        self._lanes = (self._size + 1) // 2
        self._halves = int.from_bytes(b"\x0f" * self._size, "little")
        self._mask = int.from_bytes(b"\xff\x00" * self._lanes, "little")

    def rarity(self, word: str) -> float | None:
        """More the fewer sentences had the word; None if it was in one at most."""
        row = _place(self.vocabulary.keys, word)
        steps = SEEN_ONCE if row is None else self.vocabulary.rarities[row]
        return None if steps == SEEN_ONCE else steps / VALUE_STEPS

    def languages(self, word: str) -> int:
        """In which languages somebody used the word: a bit each."""
        row = _place(self.vocabulary.keys, word)
        return 0 if row is None else self.vocabulary.languages[row]

    def rows_of(self, features: Iterable[str]) -> dict[str, int]:
        """The known ones among `features`, with their rows."""
        found: dict[str, int] = {}
        keys = self._table.keys
        last = len(keys)
        for feature in features:  # `_place`, without a call for each of some hundred
            key = key_of(feature)
            row = bisect_left(keys, key)
            if row < last and keys[row] == key:
                found[feature] = row
        return found

    def scores(self, rows: Iterable[int]) -> tuple[list[float], float]:
        """One score an intent, and the one for several needs: their log-odds."""
        listed = list(rows)
        values = self._table.values
        length = math.sqrt(sum(values[row] ** 2 for row in listed)) / VALUE_STEPS or 1.0
        unit = self.settings.scale / length
        marks = [
            unit * total + own
            for total, own in zip(self._added(listed), self._leaning, strict=False)
        ]
        several = self._table.unit / length * sum(self._table.several[row] for row in listed)
        return marks, several + self._leaning[-1]

    def weights(self, rows: Iterable[int], intent: int) -> list[int]:
        """What each of the features says for (or against) one intent, in steps."""
        pairs, levels = self._table.weights, self._table.levels
        size, column, half = self._size, intent // 2, 4 * (intent % 2)
        return [((pairs[row * size + column] >> half & 15) - ZERO) << levels[row] for row in rows]

    def probabilities(self, scores: Sequence[float]) -> list[float]:
        top = max(scores)
        powers = [math.exp(self.settings.sharpness * (score - top)) for score in scores]
        total = sum(powers)
        return [power / total for power in powers]

    def _added(self, rows: Sequence[int]) -> list[int]:
        """The sum of the rows, one number a column."""
        size, weights, levels = self._size, self._table.weights, self._table.levels
        sums = [0] * (4 * self._lanes)
        by_level: list[list[int]] = [[] for _ in range(LEVELS)]
        for row in rows:
            by_level[levels[row]].append(row)
        quarters, steps, zero = [0, 0, 0, 0], 0, 0
        for level, same in enumerate(by_level):
            for start in range(0, len(same), _ROWS_A_BYTE):
                chunk = same[start : start + _ROWS_A_BYTE]
                if steps + (len(chunk) << level) > _STEPS_A_LANE:
                    self._spill(quarters, sums)
                    quarters, steps = [0, 0, 0, 0], 0
                steps += len(chunk) << level
                zero += ZERO * len(chunk) << level
                even = odd = 0
                for row in chunk:
                    line = int.from_bytes(weights[row * size : (row + 1) * size], "little")
                    even += line & self._halves
                    odd += (line >> 4) & self._halves
                for n, part in enumerate((even, odd, even >> 8, odd >> 8)):
                    quarters[n] += (part & self._mask) << level
        self._spill(quarters, sums)
        return [total - zero for total in sums[: self._width]]

    def _spill(self, quarters: Sequence[int], sums: list[int]) -> None:
        """Add lanes of sixteen bits, each for every fourth column, to `sums`."""
        for first, lanes in enumerate(quarters):
            part = array("H", lanes.to_bytes(2 * self._lanes, "little"))
            for n, value in enumerate(part):
                sums[first + 4 * n] += value

    def packed(self, sources: str) -> bytes:
        """The model as the bytes of its file; `sources` is the hash of what it was made from."""
        header = json.dumps(
            {
                "format": FORMAT,
                "sources": sources,
                "intents": self.intents,
                "lexicon": [self.lexicon.whole, self.lexicon.starts, self.lexicon.within],
                "refusals": {k: [r.explanation, r.nearest] for k, r in self.refusals.items()},
                "company": self.company,
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
                array("f", self._leaning).tobytes(),
                self.vocabulary.keys.tobytes(),
                self.vocabulary.languages,
                self.vocabulary.rarities,
                self._table.keys.tobytes(),
                self._table.values,
                self._table.levels,
                self._table.several.tobytes(),
                self._table.weights,
            )
        )
        return len(header).to_bytes(4, "little") + header + body


def _place(keys: array[int], text: str) -> int | None:
    key = key_of(text)
    row = bisect_left(keys, key)
    return row if row < len(keys) and keys[row] == key else None


def header_of(packed: bytes) -> tuple[dict[str, Any], memoryview]:
    """The header of a model file and the numbers behind it. Raises `SpecError`."""
    size = 4 + int.from_bytes(packed[:4], "little")
    try:
        header = cast("dict[str, Any]", json.loads(packed[4:size]))
    except ValueError:
        raise SpecError(f"{FILE} is broken.", hint=_MEND) from None
    if header.get("format") != FORMAT:
        raise SpecError(f"{FILE} is of another version.", hint=_MEND)
    return header, memoryview(packed)[size:]


def unpacked(packed: bytes) -> Model:
    """The model from the bytes of its file. Raises `SpecError` if they are broken."""
    header, body = header_of(packed)
    words, rows, width = int(header["words"]), int(header["rows"]), len(header["intents"])
    if len(body) != 4 * (width + 1) + 6 * words + rows * (7 + (width + 1) // 2):
        raise SpecError(f"{FILE} is cut short.", hint=_MEND)

    def taken(size: int) -> memoryview:
        nonlocal body
        part, body = body[:size], body[size:]
        return part

    def numbers(kind: str, count: int, size: int = 4) -> array[Any]:
        return array(kind, bytes(taken(size * count)))

    leaning = numbers("f", width + 1)
    vocabulary = Vocabulary(
        tuple(header["languages"]), numbers("I", words), taken(words), taken(words)
    )
    table = Table(
        numbers("I", rows),
        taken(rows),
        taken(rows),
        numbers("b", rows, 1),
        body,
        float(header["unit"]),
    )
    return Model(
        header["intents"],
        Lexicon(*header["lexicon"]),
        {name: Refusal(why, tuple(nearest)) for name, (why, nearest) in header["refusals"].items()},
        header["company"],
        Settings(*header["settings"]),
        vocabulary,
        leaning,
        table,
    )


@lru_cache(maxsize=1)
def load() -> Model:
    """The model inside the package. Raises `SpecError` if it is missing or broken."""
    try:
        return unpacked(files("aircall_mcp").joinpath("_compiled", FILE).read_bytes())
    except OSError as error:
        raise SpecError(f"{FILE} cannot be read ({type(error).__name__}).", hint=_MEND) from None


_MEND = "Reinstall aircall-mcp; in a checkout run `make search-model`."
