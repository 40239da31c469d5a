"""From the sentences in `tool_specs/` to the model: `python -m aircall_mcp.search.train`.

A development step; it alone needs numpy and scipy. The model is a ridge regression from features
to intents, solved once in closed form. The same solution tells, without training again, what the
model would have said about each voice had it never heard it: that is what the probabilities and
the thresholds are fitted on, and what `trial` measures. With `--check` nothing is written: exit 1
says that the committed model was made from other sources.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from ..errors import SpecError
from .model import FILE, REFUSED, Model, Refusal, Settings, header_of, key_of
from .words import Lexicon, features_of, words_of

Json = dict[str, Any]

RIDGE = 1.5
"""Strength of the regularisation: small weights generalise to sentences nobody has written."""

LEANING = 0.15
"""Value of the feature that every sentence has."""

LEAST_SEEN = 2
"""Examples a feature must occur in: once is chance."""

MOST_FEATURES = 36_000
"""Rows of the model, those with the largest say: a row costs one byte an intent."""

WORTH = {"w": 1.0, "g": 0.5, "b": 1.0, "k": 0.8, "c": 1.0, "d": 1.2, "x": 0.6}
"""How much each kind of feature counts, before the rarity of the feature itself."""

LEAST_CLEAR = 0.08
"""Probability that the best operation must have before it is acted on, however sure of the rest."""

MOST_REFUSED = 0.065
"""Share of what can be served that may be answered without confidence, on voices never heard."""


@dataclass(frozen=True, slots=True)
class Example:
    """One sentence, the voice it is in, and the intent it stands for."""

    voice: str
    language: str
    text: str
    intent: str


@dataclass(frozen=True, slots=True)
class Several:
    """One sentence with several needs, in the order of use (operation ids)."""

    voice: str
    language: str
    text: str
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sources:
    """All that the model is made from."""

    lexicon: Lexicon
    refusals: Mapping[str, Refusal]
    examples: tuple[Example, ...]
    several: tuple[Several, ...]
    hash: str


OWN = "own"
"""The voice of the phrases beside the voices: of toolsets, refusals and other programs' names."""


def read_sources(root: Path) -> Sources:
    """Read `tool_specs/`. Raises `SpecError` that names file and key for whatever does not fit."""
    files = [
        *sorted((root / "utterances").glob("*.toml")),
        *sorted((root / "toolsets").glob("*.toml")),
        root / "lexicon.toml",
        root / "negatives.toml",
        root / "names.toml",
    ]
    content = {file: _toml(file) for file in files}
    operations: dict[str, Json] = {}
    own_tools: set[str] = set()
    for file in sorted((root / "toolsets").glob("*.toml")):
        operations |= content[file].get("operations", {})
        own_tools |= set(content[file].get("tools", {}))
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
        _known(file.name, "operations", spoken["operations"], operations)
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
            several.append(Several(file.stem, spoken["language"], row["query"], needs))
    for name, part in content[root / "negatives.toml"]["negatives"].items():
        examples += [Example(OWN, "en", text, REFUSED + name) for text in part["phrases"]]
    names = content[root / "names.toml"]["operations"]
    _known("names.toml", "operations", names, operations)
    examples += [Example(OWN, "en", text, name) for name, texts in names.items() for text in texts]
    for name, overlay in operations.items():
        if not _replaced(overlay):
            texts = (overlay["title"], overlay["summary"], *overlay["utterances"])
            examples += [Example(OWN, "en", text, name) for text in texts]
    lexicon = Lexicon.of(
        {
            concept: [pattern for words in languages.values() for pattern in words.split()]
            for concept, languages in content[root / "lexicon.toml"]["concepts"].items()
        }
    )
    made_of = _hash_of(lexicon, refusals, examples)
    return Sources(lexicon, refusals, tuple(examples), tuple(several), made_of)


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


_CODE = [Path(__file__).with_name(f"{name}.py") for name in ("words", "model", "train")]


def _hash_of(*parts: object) -> str:
    """Of what is learned and of the code that learns it, whatever the line ends of the checkout."""
    digest = hashlib.sha256(repr(parts).encode())
    for file in _CODE:
        digest.update(file.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


class Solution:
    """The ridge regression over all examples, solved: `intents`, and `held_out`, the scores of
    every example by the model that never heard its voice (rows as `sources.examples`).
    """

    def __init__(self, sources: Sources) -> None:
        (np,) = _libraries("numpy")
        self.sources = sources
        self.intents = sorted({example.intent for example in sources.examples})
        place = {intent: n for n, intent in enumerate(self.intents)}
        self.truth = np.array([place[example.intent] for example in sources.examples])
        self.voices = np.array([example.voice for example in sources.examples])
        found = [
            [f for f in features_of(words_of(example.text), sources.lexicon) if f[0] in WORTH]
            for example in sources.examples
        ]
        seen = Counter(feature for features in found for feature in features)
        names = sorted(feature for feature, times in seen.items() if times >= LEAST_SEEN)
        rarity = {name: math.log(1 + len(found) / seen[name]) * WORTH[name[0]] for name in names}
        wish = np.zeros((len(found), len(self.intents)), np.float32)
        wish[np.arange(len(found)), self.truth] = 1
        say = np.abs(_table_of(found, names, rarity).T @ (wish - wish.mean(axis=0))).max(axis=1)
        say *= np.array([rarity[name] for name in names])
        kept: list[int] = np.argsort(-say, kind="stable")[:MOST_FEATURES].tolist()
        names = sorted(names[n] for n in kept)
        self._table = _table_of(found, names, rarity)
        self._inverse = _inverse(self._table)
        self._duals = self._inverse @ wish
        self._names, self._values = names, [rarity[name] for name in names]
        self.held_out = np.zeros_like(wish)
        for voice in self.heard():
            mine = np.flatnonzero(self.voices == voice)
            own = np.linalg.solve(self._inverse[np.ix_(mine, mine)], self._duals[mine])
            self.held_out[mine] = wish[mine] - own
        self.settings = self._fitted()

    def heard(self) -> list[str]:
        """The voices that can be held out."""
        return sorted({e.voice for e in self.sources.examples} - {OWN})

    def model(self, without: str | None = None) -> Model:
        """The model, or the one that never heard the voice `without`."""
        (np,) = _libraries("numpy")
        duals = self._duals
        if without is not None:
            mine = np.flatnonzero(self.voices == without)
            own = np.linalg.solve(self._inverse[np.ix_(mine, mine)], duals[mine])
            duals = duals - self._inverse[:, mine] @ own
            duals[mine] = 0
        weights = (self._table.T @ duals) * np.array(self._values)[:, None]
        leaning = LEANING**2 * duals.sum(axis=0)
        everything = np.vstack([leaning, weights])
        scale = float(np.quantile(np.abs(everything), 0.9999)) / 127
        steps = np.clip(np.rint(everything / scale), -127, 127).astype(np.int8)
        return Model(
            self.intents,
            self.sources.lexicon,
            self.sources.refusals,
            replace(self.settings, scale=scale),
            [key_of(""), *(key_of(name) for name in self._names)],
            [0.0, *self._values],
            (steps.astype(np.int16) + 128).astype(np.uint8).tobytes(),
        )

    def _fitted(self) -> Settings:
        """The sharpness that makes probabilities honest, and the threshold that refuses no more
        than `MOST_REFUSED`, both on sentences whose voice the model had never heard."""
        np, optimize, special = _libraries("numpy", "scipy.optimize", "scipy.special")

        tried = self.voices != OWN
        scores, truth = self.held_out[tried], self.truth[tried]

        def surprise(sharpness: float) -> float:
            logs = special.log_softmax(sharpness * scores, axis=1)
            return -float(logs[np.arange(len(truth)), truth].mean())

        sharpness = float(optimize.minimize_scalar(surprise, bounds=(1, 100), method="bounded").x)
        served = np.array([not intent.startswith(REFUSED) for intent in self.intents])
        chances = special.softmax(sharpness * scores, axis=1)[:, served].sum(axis=1)
        sure = float(np.quantile(chances[served[truth]], MOST_REFUSED))
        return Settings(0.0, round(sharpness, 2), round(sure, 3), LEAST_CLEAR)


def _libraries(*names: str) -> list[Any]:
    """Development dependencies, loaded when a model is made; their types are not complete."""
    return [import_module(name) for name in names]


def _table_of(
    found: Sequence[Sequence[str]], names: Sequence[str], values: Mapping[str, float]
) -> Any:
    """Examples by features, each row of length one."""
    np, sparse = _libraries("numpy", "scipy.sparse")

    column = {name: n for n, name in enumerate(names)}
    rows: list[int] = []
    columns: list[int] = []
    cells: list[float] = []
    for row, features in enumerate(found):
        known = [feature for feature in features if feature in column]
        length = math.sqrt(sum(values[feature] ** 2 for feature in known)) or 1.0
        rows += [row] * len(known)
        columns += [column[feature] for feature in known]
        cells += [values[feature] / length for feature in known]
    shape = (len(found), len(names))
    return sparse.csr_array((np.array(cells, np.float32), (rows, columns)), shape=shape)


def _inverse(table: Any) -> Any:
    """Of the examples' likeness to each other, with the ridge on its diagonal."""
    np, linalg = _libraries("numpy", "scipy.linalg")

    likeness = (table @ table.T).toarray() + np.float32(LEANING**2)
    likeness[np.diag_indices_from(likeness)] += RIDGE
    factor = linalg.cholesky(likeness, lower=True, overwrite_a=True, check_finite=False)
    inverse, failed = linalg.lapack.spotri(factor, lower=True, overwrite_c=True)
    if failed:
        raise SpecError("The regression has no solution.")
    above = np.triu_indices_from(inverse, 1)
    inverse[above] = inverse.T[above]
    return inverse


def main(argv: Sequence[str] | None = None) -> int:
    """Train, or with `--check` compare hashes. 0 = fine, 1 = stale or wrong."""
    package = Path(__file__).parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=Path, default=package.parent.parent / "tool_specs")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args(argv)
    file = package / "_compiled" / FILE
    try:
        sources = read_sources(options.sources)
        if options.check:
            return _checked(file, sources)
    except SpecError as error:
        print(f"search-model: {error.message}", file=sys.stderr)
        return 1
    packed = Solution(sources).model().packed(sources.hash)
    file.write_bytes(packed)
    print(f"search-model: {len(sources.examples)} sentences, wrote {len(packed) // 1024} KB")
    return 0


def _checked(file: Path, sources: Sources) -> int:
    if file.exists() and header_of(file.read_bytes())[0]["sources"] == sources.hash:
        print("search-model: nothing changed")
        return 0
    print("search-model: the model is stale; run `make search-model`.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
