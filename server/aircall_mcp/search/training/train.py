"""From the sentences in `tool_specs/` to the model: `python -m aircall_mcp.search.training.train`.

A development step; it alone needs numpy, scipy and scikit-learn. The model is a logistic regression
from features to intents. It is learned once from all voices, for use, and once without each of a
few groups of voices: what those say of the voices they never heard is what the probabilities and
the threshold are fitted on, and what `trial` measures. `--as-sure` takes a third of the time, for a
few sentences more: only the whole is learned anew. With `--check` nothing is written: exit 1 says
that the committed model was made from other sentences, or learned in another way.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
import warnings
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from ...errors import SpecError
from ..company import company_of
from ..model import FILE, FORMAT, REFUSED, Model, Refusal, Settings, load
from ..words import FEATURES, Lexicon, concepts_of, features_of, words_of
from .quantise import rounded, table_of, vocabulary_of
from .sources import OWN, Example, Several, Sources, read_sources

LEARNING = 2
"""Raise it when the same sentences would be learned differently: the model is stale then."""

LOOSENESS = 30.0
"""Inverse strength of the regularisation: small weights generalise to what nobody has written."""

ROUNDS, REFINED = 11, 5
"""Passes over the sentences with all features, and then with those that are kept; more change
nothing that can be measured."""

LEAST_SEEN = 2
"""Examples a feature must occur in: once is chance."""

MOST_FEATURES = 72_000
"""Features that are learned from, those with the largest say."""

MOST_ROWS = 51_000
"""Rows of the model, those that say most and most often: a row costs half a byte an intent."""

PLAIN_WORTH, PLAINLY_REFUSED = 0.16, 2.0
"""What a phrase that a grammar made weighs beside a sentence that somebody said, and how many times
that if Aircall cannot do it: grammars say less of it than voices do."""

WORTH = {"w": 1.5, "g": 0.85, "b": 1.3, "c": 1.0, "d": 1.2}
"""How much each kind of feature counts, before the rarity of the feature itself."""

SEVERAL_WORTH = 1.5
"""What a sentence with several needs weighs beside one with one: there are few of them."""

SEVERAL_SAYS = 8.0
"""What a feature's word on several needs counts beside that on one intent, when rows are chosen."""

FOLDS = 5
"""Groups of voices that are held out in turn, each with a voice of a language at most, or a few."""

FITTED_ON = 2
"""Of those groups, how many the probabilities and the threshold are fitted on."""

LEAST_CLEAR = 0.08
"""Probability that the best operation must have before it is acted on, however sure of the rest."""

MOST_REFUSED = 0.04
"""Share of what can be served that may be answered without confidence, on voices never heard."""


class Learned:
    """What was learned from `sources`: a row of `weights` a feature of `names`, a column an intent,
    and a last column for "there are several needs in this".

    The rows hold for features of the value `values`, in a sentence of length one.
    """

    def __init__(self, sources: Sources, intents: Sequence[str]) -> None:
        (np,) = _libraries("numpy")
        self.intents, self._sources, self._lexicon = intents, sources, sources.lexicon
        examples, several = sources.examples, sources.several
        place = {intent: n for n, intent in enumerate(intents)}
        texts = [row.text for row in (*examples, *several)]
        found = self._features(texts)
        seen = Counter(feature for features in found for feature in features)
        names = sorted(feature for feature, times in seen.items() if times >= LEAST_SEEN)
        self.names, self.values = (
            names,
            [rounded(math.log(1 + len(found) / seen[name]) * WORTH[name[0]]) for name in names],
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
        # A sentence with several needs stands there once for each of them.
        rows = list(range(len(examples)))
        weights = [_worth(example) for example in examples]
        for n, row in enumerate(several, len(examples)):
            if not row.silent:
                rows += [n] * len(row.needs)
                truth += [place[need] for need in row.needs]
                weights += [SEVERAL_WORTH / len(row.needs)] * len(row.needs)
        said = [n for n, row in enumerate(examples) if not row.plain]
        said += range(len(examples), len(found))
        many = [int(n >= len(examples)) for n in said]
        which, whether = self._regression(), self._regression()
        for last in (False, True):
            table = self._table(found)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that it could go on: the rounds are enough
                which.fit(table[rows], truth, np.array(weights, np.float32))
                whether.fit(table[said], many)
            if not last:
                self._keep(seen, which, whether)
        self.weights = np.vstack([which.coef_, whether.coef_]).T.astype(np.float32)
        self.leaning = np.append(which.intercept_, whether.intercept_).astype(np.float32)

    def _keep(self, seen: Mapping[str, int], *fitted: Any) -> None:
        """Go on with the features that say most and most often."""
        (np,) = _libraries("numpy")
        which, whether = (one.coef_ for one in fitted)
        weights = np.vstack([which, SEVERAL_SAYS * whether]) * np.array(self.values)
        often = np.sqrt([seen[name] for name in self.names])
        say = often * np.linalg.norm(weights, axis=0)
        most: list[int] = np.argsort(-say, kind="stable").tolist()
        kept = sorted(most[:MOST_ROWS])
        self.names = [self.names[n] for n in kept]
        self.values = [self.values[n] for n in kept]
        for one in fitted:
            one.coef_ = np.ascontiguousarray(one.coef_[:, kept])
            one.max_iter = REFINED

    def _regression(self) -> Any:
        (linear,) = _libraries("sklearn.linear_model")
        return linear.LogisticRegression(
            C=LOOSENESS, solver="saga", max_iter=ROUNDS, tol=0, random_state=0, warm_start=True
        )

    def marks(self, examples: Sequence[Example]) -> Any:
        """Scores of the intents, one row an example."""
        table = self._table(self._features([example.text for example in examples]))
        return (table @ self.weights + self.leaning)[:, :-1]

    def model(self, refusals: Mapping[str, Refusal], settings: Settings) -> Model:
        """The model as its file holds it, with `settings` but for the scale."""
        (np,) = _libraries("numpy")
        weights = self.weights * np.array(self.values)[:, None]
        unit, table = table_of(self.names, self.values, weights)
        sources = self._sources
        rows = [row for row in (*sources.examples, *sources.several) if not _ours(row)]
        spoken = [(row.language, words_of(row.text)) for row in rows]
        return Model(
            self.intents,
            self._lexicon,
            refusals,
            json.dumps(company_of(row.needs for row in sources.several)).encode(),
            Settings(unit, settings.sharpness, settings.sure, settings.clear),
            vocabulary_of(
                [*spoken, *sources.everyday.items()],
                sources.languages,
                {n: math.log(1 + len(rows) / n) * WORTH["w"] for n in range(1, len(rows) + 1)},
            ),
            self.leaning.tolist(),
            table,
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


def _worth(example: Example) -> float:
    if not example.plain:
        return 1.0
    return PLAIN_WORTH * (PLAINLY_REFUSED if example.intent.startswith(REFUSED) else 1.0)


def _ours(row: Example | Several) -> bool:
    """Whether it stands for itself and not for a language: a name, or one of many in a file."""
    return row.voice == OWN and not (isinstance(row, Example) and row.plain)


def _libraries(*names: str) -> list[Any]:
    """Development dependencies, loaded when a model is made; their types are not complete."""
    return [import_module(name) for name in names]


@cache
def _features_of(text: str, lexicon: Lexicon) -> list[str]:
    words = words_of(text)
    return list(features_of(words, concepts_of(words, lexicon)))


@dataclass(frozen=True, slots=True)
class Fold:
    """What was learned without some voices, and what that says of them: `marks` (a row an example,
    a column an intent) and `truth` (columns).
    """

    voices: frozenset[str]
    learned: Learned
    marks: Any
    truth: Any


def folds_of(sources: Sources, groups: int = FOLDS) -> list[Fold]:
    """What was learned without each group of voices, of which `groups` are looked at, and last
    without none. Every voice is in one group; what belongs to no voice is always learned. Learned
    side by side, a process each."""
    rows = (*sources.examples, *sources.several)
    spoken = sorted({(row.language, row.voice) for row in rows if row.voice != OWN})
    languages = sorted({language for language, _ in spoken})
    held: list[set[str]] = [set() for _ in range(FOLDS)]
    for at, language in enumerate(languages):
        for n, voice in enumerate(voice for mother, voice in spoken if mother == language):
            held[(n + at) % FOLDS].add(voice)
    jobs = [(sources, frozenset(voices)) for voices in (*held[:groups], ())]
    with ProcessPoolExecutor() as pool:
        return list(pool.map(_fold_of, jobs))


def _fold_of(job: tuple[Sources, frozenset[str]]) -> Fold:
    sources, voices = job
    intents = sources.intents()
    unheard = [example for example in sources.examples if example.voice in voices]
    learned = Learned(sources.without(voices), intents)
    truth = [intents.index(example.intent) for example in unheard]
    return Fold(voices, learned, learned.marks(unheard), truth)


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
    parser.add_argument(
        "--as-sure",
        action="store_true",
        help="learn the sentences alone; how sure it must be stays as in the model that is there",
    )
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
    if options.as_sure:
        learned, settings = Learned(sources, intents), load().settings
    else:
        *folds, whole = folds_of(sources, FITTED_ON)
        learned, settings = whole.learned, fitted(intents, folds)
    packed = learned.model(sources.refusals, settings).packed(_hash_of(sources))
    fresh = file.with_suffix(".new")  # who has mapped the old one keeps it
    fresh.write_bytes(packed)
    fresh.replace(file)
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
    """Says what the model was made from, in a file of its own: the model is large, and what does
    not change what is learned must not write it anew."""
    return file.with_suffix(".made-from")


def _noted(sources: Sources, packed: bytes) -> str:
    return f"sources {_hash_of(sources)}\nmodel {hashlib.sha256(packed).hexdigest()}\n"


def _hash_of(sources: Sources) -> str:
    """Of what is learned and how, not of the bytes of the code: moving a file leaves it fresh."""
    how = (
        FEATURES, LEARNING, FORMAT, LOOSENESS, ROUNDS, REFINED, LEAST_SEEN, MOST_FEATURES,
        MOST_ROWS, sorted(WORTH.items()), PLAIN_WORTH, PLAINLY_REFUSED, SEVERAL_WORTH, SEVERAL_SAYS,
        FOLDS, FITTED_ON,
        LEAST_CLEAR, MOST_REFUSED,
    )  # fmt: skip
    return hashlib.sha256(repr((how, sources.hash)).encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
