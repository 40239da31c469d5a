"""The trained model: one linear layer from features to intents, read from one small file.

An intent is an operation (its id) or something that Aircall's API cannot do (`!` and its name).
Weights are one byte each, a row a feature, in a file that only the wheel compresses. A row is read
as one long integer and rows are added as such, so that evaluating takes neither numpy nor a loop
over the intents.
"""

from __future__ import annotations

import json
import math
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, cast

from ..errors import SpecError
from .company import Company
from .words import Lexicon

FILE = "search.bin"
FORMAT = 2
REFUSED = "!"
"""First character of an intent that Aircall's API cannot serve."""

_ZERO = 128
"""Added to every weight in the file, so that bytes are not negative and lanes never borrow."""

_ROWS_A_LANE = 256
"""Rows that sixteen bits can add up before they would carry into the neighbour."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why Aircall's API cannot do something, and the operations (ids) that come nearest."""

    explanation: str
    nearest: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """What was fitted on voices that were held out; see `train`."""

    scale: float
    """Score that one step of a weight is worth."""
    sharpness: float
    """Factor from scores to the exponents of probabilities."""
    sure: float
    """Probability of being served at all from which an answer is acted on."""
    clear: float
    """Probability that the best operation must have for the same."""


def key_of(feature: str) -> int:
    """The number under which a feature stands in the file."""
    return zlib.crc32(feature.encode("utf-8", "surrogatepass"))


class Model:
    """Scores intents. `intents` in the order of the scores; `keys` ascending, a value and a row of
    `weights` each, before which stands a row of what each intent has without any of them. The last
    column of a row speaks for several needs.
    """

    def __init__(
        self,
        intents: Sequence[str],
        lexicon: Lexicon,
        refusals: Mapping[str, Refusal],
        company: Company,
        settings: Settings,
        keys: Sequence[int],
        values: Sequence[float],
        weights: bytes | memoryview,
    ) -> None:
        self.intents = tuple(intents)
        self.lexicon = lexicon
        self.refusals = refusals
        self.company = company
        self.settings = settings
        self._keys = keys
        self._values = values
        self._width = len(self.intents) + 1
        self._leaning = weights[: self._width]
        self._weights = weights[self._width :]
        self._lanes = (self._width + 1) // 2
        self._mask = int.from_bytes(b"\xff\x00" * self._lanes, "little")

    def rarity(self, feature: str) -> float | None:
        """More the fewer examples had the feature; None if it is unknown."""
        row = self._row(feature)
        return None if row is None else self._values[row]

    def rows_of(self, features: Iterable[str]) -> dict[str, int]:
        """The known ones among `features`, with their rows."""
        found: dict[str, int] = {}
        for feature in features:
            row = self._row(feature)
            if row is not None:
                found[feature] = row
        return found

    def _row(self, feature: str) -> int | None:
        key = key_of(feature)
        row = bisect_left(self._keys, key)
        return row if row < len(self._keys) and self._keys[row] == key else None

    def scores(self, rows: Iterable[int]) -> tuple[list[float], float]:
        """One score an intent, and the one for several needs: their log-odds."""
        listed = list(rows)
        length = math.sqrt(sum(self._values[row] ** 2 for row in listed)) or 1.0
        sums = self._added(listed)
        unit, zero = self.settings.scale, _ZERO * len(listed)
        marks = [
            unit * ((total - zero) / length + own - _ZERO)
            for total, own in zip(sums, self._leaning, strict=True)
        ]
        return marks[:-1], marks[-1]

    def weight(self, row: int, intent: int) -> int:
        """What one feature says for (or against) one intent, in steps."""
        return self._weights[row * self._width + intent] - _ZERO

    def probabilities(self, scores: Sequence[float]) -> list[float]:
        top = max(scores)
        powers = [math.exp(self.settings.sharpness * (score - top)) for score in scores]
        total = sum(powers)
        return [power / total for power in powers]

    def _added(self, rows: Sequence[int]) -> list[int]:
        width, weights, mask = self._width, self._weights, self._mask
        sums = [0] * width
        for start in range(0, len(rows), _ROWS_A_LANE):
            even = odd = 0
            for row in rows[start : start + _ROWS_A_LANE]:
                line = int.from_bytes(weights[row * width : (row + 1) * width], "little")
                even += line & mask
                odd += (line >> 8) & mask
            for first, lanes in ((0, even), (1, odd)):
                part = array("H", lanes.to_bytes(2 * self._lanes, "little"))
                for n, value in enumerate(part):
                    if first + 2 * n < width:
                        sums[first + 2 * n] += value
        return sums

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
                "rows": len(self._keys),
            },
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()
        body = array("I", self._keys).tobytes() + array("f", self._values).tobytes()
        body += bytes(self._leaning) + bytes(self._weights)
        return len(header).to_bytes(4, "little") + header + body


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
    rows, width = int(header["rows"]), len(header["intents"]) + 1
    keys, values = array("I"), array("f")
    if len(body) != rows * (4 + 4 + width) + width:
        raise SpecError(f"{FILE} is cut short.", hint=_MEND)
    keys.frombytes(body[: 4 * rows])
    values.frombytes(body[4 * rows : 8 * rows])
    return Model(
        header["intents"],
        Lexicon(*header["lexicon"]),
        {name: Refusal(why, tuple(nearest)) for name, (why, nearest) in header["refusals"].items()},
        header["company"],
        Settings(*header["settings"]),
        keys,
        values,
        body[8 * rows :],
    )


@lru_cache(maxsize=1)
def load() -> Model:
    """The model inside the package. Raises `SpecError` if it is missing or broken."""
    try:
        return unpacked(files("aircall_mcp").joinpath("_compiled", FILE).read_bytes())
    except OSError as error:
        raise SpecError(f"{FILE} cannot be read ({type(error).__name__}).", hint=_MEND) from None


_MEND = "Reinstall aircall-mcp; in a checkout run `make search-model`."
