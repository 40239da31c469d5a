"""From the sentences in `tool_specs/` to the model: `python -m aircall_mcp.search.training.train`.

A development step; it alone needs numpy, scipy and scikit-learn. The model is a logistic regression
from features to intents. It is learned once from all voices, for use, and once without each of a
few groups of voices: what those say of the voices they never heard is what the probabilities and
the threshold are fitted on, and what `trial` measures. With `--check` nothing is written: exit 1
says that the committed model was made from other sentences, or learned in another way.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import sys
import tomllib
import warnings
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from ...errors import SpecError
from ..company import company_of
from ..model import FILE, FORMAT, REFUSED, Model, Refusal, Settings, key_of
from ..words import FEATURES, Lexicon, features_of, words_of

Json = dict[str, Any]

LEARNING = 1
"""Raise it when the same sentences would be learned differently: the model is stale then."""

LOOSENESS = 30.0
"""Inverse strength of the regularisation: small weights generalise to what nobody has written."""

ROUNDS = 14
"""Passes over the sentences; more change nothing that can be measured."""

LEAST_SEEN = 2
"""Examples a feature must occur in: once is chance."""

MOST_FEATURES = 70_000
"""Rows of the model, those with the largest say: a row costs one byte an intent."""

STEPS = 127
"""Steps of a weight on either side of zero."""

WORTH = {"w": 1.5, "g": 0.85, "b": 1.3, "c": 1.0, "d": 1.2}
"""How much each kind of feature counts, before the rarity of the feature itself."""

SEVERAL_WORTH = 1.5
"""What a sentence with several needs weighs beside one with one: there are few of them."""

FOLDS = 5
"""Groups of voices that are held out in turn, each with a voice of a language at most, or a few."""

LEAST_CLEAR = 0.08
"""Probability that the best operation must have before it is acted on, however sure of the rest."""

MOST_REFUSED = 0.05
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
    hash: str

    def intents(self) -> list[str]:
        return sorted({example.intent for example in self.examples})


OWN = "ours"
"""The voice of what is beside the voices, and never held out: `ours.toml` for tools of our own, and
the phrases of toolsets, refusals and other programs' names."""


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
    for name, part in content[root / "negatives.toml"]["negatives"].items():
        examples += [Example(OWN, "en", text, REFUSED + name) for text in part["phrases"]]
    names = content[root / "names.toml"]["operations"]
    _known("names.toml", "operations", names, operations)
    examples += [Example(OWN, "en", text, name) for name, texts in names.items() for text in texts]
    spoken_for = {example.intent for example in examples}
    for name, overlay in (operations | own_tools).items():
        if name in spoken_for and not _replaced(overlay):
            texts = (overlay["title"], overlay["summary"], *overlay["utterances"])
            examples += [Example(OWN, "en", text, name) for text in texts]
    lexicon = Lexicon.of(
        {
            concept: [pattern for words in languages.values() for pattern in words.split()]
            for concept, languages in content[root / "lexicon.toml"]["concepts"].items()
        }
    )
    made_of = _hash_of(lexicon, refusals, examples, several)
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


def _hash_of(*parts: object) -> str:
    """Of what is learned and how, not of the bytes of the code: moving a file leaves it fresh."""
    how = (
        FEATURES, LEARNING, FORMAT, LOOSENESS, ROUNDS, LEAST_SEEN, MOST_FEATURES, STEPS,
        sorted(WORTH.items()), SEVERAL_WORTH, FOLDS, LEAST_CLEAR, MOST_REFUSED,
    )  # fmt: skip
    return hashlib.sha256(repr((how, parts)).encode()).hexdigest()


class Learned:
    """What was learned from `examples` and `several`: a row of `weights` a feature of `names`, a
    column an intent, and a last column for "there are several needs in this".

    The rows hold for features of the value `values`, in a sentence of length one.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        several: Sequence[Several],
        lexicon: Lexicon,
        intents: Sequence[str],
    ) -> None:
        (np,) = _libraries("numpy")
        self.intents, self._lexicon, self._several = intents, lexicon, several
        place = {intent: n for n, intent in enumerate(intents)}
        texts = [row.text for row in (*examples, *several)]
        found = self._features(texts)
        seen = Counter(feature for features in found for feature in features)
        names = sorted(feature for feature, times in seen.items() if times >= LEAST_SEEN)
        self.names, self.values = (
            names,
            [math.log(1 + len(found) / seen[name]) * WORTH[name[0]] for name in names],
        )
        truth = [place[example.intent] for example in examples]
        if len(names) > MOST_FEATURES:
            wish = np.zeros((len(examples), len(intents)), np.float32)
            wish[np.arange(len(examples)), truth] = 1
            table = self._table(found[: len(examples)])
            say = np.abs(table.T @ (wish - wish.mean(axis=0))).max(axis=1)
            most: list[int] = np.argsort(-say * np.array(self.values), kind="stable").tolist()
            kept = sorted(most[:MOST_FEATURES])
            self.names = [names[n] for n in kept]
            self.values = [self.values[n] for n in kept]
        table = self._table(found)
        # A sentence with several needs stands there once for each of them.
        rows, weights = list(range(len(examples))), [1.0] * len(examples)
        for n, row in enumerate(several, len(examples)):
            if not row.silent:
                rows += [n] * len(row.needs)
                truth += [place[need] for need in row.needs]
                weights += [SEVERAL_WORTH / len(row.needs)] * len(row.needs)
        many = [0] * len(examples) + [1] * len(several)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it could go on: `ROUNDS` are enough
            which = self._regression().fit(table[rows], truth, np.array(weights, np.float32))
            whether = self._regression().fit(table, many)
        self.weights = np.vstack([which.coef_, whether.coef_]).T.astype(np.float32)
        self.leaning = np.append(which.intercept_, whether.intercept_).astype(np.float32)

    def _regression(self) -> Any:
        (linear,) = _libraries("sklearn.linear_model")
        return linear.LogisticRegression(
            C=LOOSENESS, solver="saga", max_iter=ROUNDS, tol=0, random_state=0
        )

    def marks(self, examples: Sequence[Example]) -> Any:
        """Scores of the intents, one row an example."""
        table = self._table(self._features([example.text for example in examples]))
        return (table @ self.weights + self.leaning)[:, :-1]

    def model(self, refusals: Mapping[str, Refusal], settings: Settings) -> Model:
        """The model in bytes."""
        (np,) = _libraries("numpy")
        everything = np.vstack([self.leaning, self.weights * np.array(self.values)[:, None]])
        scale = float(np.quantile(np.abs(everything), 0.9999)) / STEPS
        steps = np.clip(np.rint(everything / scale), -STEPS, STEPS).astype(np.int16)
        order = sorted(range(len(self.names)), key=lambda n: key_of(self.names[n]))
        return Model(
            self.intents,
            self._lexicon,
            refusals,
            company_of(row.needs for row in self._several),
            replace(settings, scale=scale),
            [key_of(self.names[n]) for n in order],
            [self.values[n] for n in order],
            (np.vstack([steps[0], steps[1:][order]]) + 128).astype(np.uint8).tobytes(),
        )

    def _features(self, texts: Sequence[str]) -> list[list[str]]:
        return [_features_of(text, self._lexicon) for text in texts]

    def _table(self, found: Sequence[Sequence[str]]) -> Any:
        """Examples by features, each row of length one."""
        np, sparse = _libraries("numpy", "scipy.sparse")

        column = {name: n for n, name in enumerate(self.names)}
        starts, columns, cells = [0], array("i"), array("f")
        for features in found:
            known = [column[feature] for feature in features if feature in column]
            length = math.sqrt(sum(self.values[n] ** 2 for n in known)) or 1.0
            columns.extend(known)
            cells.extend(self.values[n] / length for n in known)
            starts.append(len(columns))
        parts = np.array(cells, np.float32), np.array(columns, np.int32), np.array(starts, np.int32)
        return sparse.csr_matrix(parts, shape=(len(found), len(self.names)))


def _libraries(*names: str) -> list[Any]:
    """Development dependencies, loaded when a model is made; their types are not complete."""
    return [import_module(name) for name in names]


@cache
def _features_of(text: str, lexicon: Lexicon) -> list[str]:
    return list(features_of(words_of(text), lexicon))


@dataclass(frozen=True, slots=True)
class Fold:
    """What was learned without some voices, and what that says of them: `marks` (a row an example,
    a column an intent) and `truth` (columns).
    """

    voices: frozenset[str]
    learned: Learned
    marks: Any
    truth: Any


def folds_of(sources: Sources) -> list[Fold]:
    """Every voice is in one fold; the sentences that belong to no voice are always learned."""
    rows = (*sources.examples, *sources.several)
    spoken = sorted({(row.language, row.voice) for row in rows if row.voice != OWN})
    languages = sorted({language for language, _ in spoken})
    held: list[set[str]] = [set() for _ in range(FOLDS)]
    for at, language in enumerate(languages):
        for n, voice in enumerate(voice for mother, voice in spoken if mother == language):
            held[(n + at) % FOLDS].add(voice)
    intents = sources.intents()
    folds: list[Fold] = []
    for voices in held:
        heard = [example for example in sources.examples if example.voice not in voices]
        unheard = [example for example in sources.examples if example.voice in voices]
        several = [row for row in sources.several if row.voice not in voices]
        learned = Learned(heard, several, sources.lexicon, intents)
        truth = [intents.index(example.intent) for example in unheard]
        folds.append(Fold(frozenset(voices), learned, learned.marks(unheard), truth))
    return folds


def fitted(intents: Sequence[str], folds: Sequence[Fold]) -> Settings:
    """The sharpness that makes probabilities honest, and the threshold that refuses no more than
    `MOST_REFUSED`, both on sentences whose voice was not heard.
    """
    np, optimize, special = _libraries("numpy", "scipy.optimize", "scipy.special")
    marks = np.concatenate([fold.marks for fold in folds])
    truth = np.concatenate([fold.truth for fold in folds])

    def surprise(sharpness: float) -> float:
        logs = special.log_softmax(sharpness * marks, axis=1)
        return -float(logs[np.arange(len(truth)), truth].mean())

    sharpness = float(optimize.minimize_scalar(surprise, bounds=(0.1, 10), method="bounded").x)
    served = np.array([not intent.startswith(REFUSED) for intent in intents])
    chances = special.softmax(sharpness * marks, axis=1)[:, served].sum(axis=1)
    sure = float(np.quantile(chances[served[truth]], MOST_REFUSED))
    return Settings(0.0, round(sharpness, 2), round(sure, 3), LEAST_CLEAR)


def main(argv: Sequence[str] | None = None) -> int:
    """Train, or with `--check` compare hashes. 0 = fine, 1 = stale or wrong."""
    package = Path(__file__).parents[2]
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
    intents = sources.intents()
    settings = fitted(intents, folds_of(sources))
    learned = Learned(sources.examples, sources.several, sources.lexicon, intents)
    packed = learned.model(sources.refusals, settings).packed(sources.hash)
    file.write_bytes(packed)
    _note_of(file).write_text(_noted(sources, packed), "utf-8")
    print(f"search-model: {len(sources.examples)} sentences, wrote {len(packed) // 1024} KB")
    return 0


def _checked(file: Path, sources: Sources) -> int:
    note = _note_of(file)
    there = file.exists() and note.exists()
    if there and note.read_text("utf-8") == _noted(sources, file.read_bytes()):
        print("search-model: nothing changed")
        return 0
    print("search-model: the model is stale; run `make search-model`.", file=sys.stderr)
    return 1


def _note_of(file: Path) -> Path:
    """Says what the model was made from, in a file of its own: the model is 11 MB, and what does
    not change what is learned must not write it anew."""
    return file.with_suffix(".made-from")


def _noted(sources: Sources, packed: bytes) -> str:
    return f"sources {sources.hash}\nmodel {hashlib.sha256(packed).hexdigest()}\n"


if __name__ == "__main__":
    sys.exit(main())
