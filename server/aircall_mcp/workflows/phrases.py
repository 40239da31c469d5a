"""Phrases in what was said, in any form of their words, and only where they stand together.

Cancelled is a form of cancel, our of my, don't is do not, twenty-four is 24. Lines and speakers do
not part a phrase, nor do two other words, and any number of hesitations, stammers or a
listener's yes; a sentence that ends does, where another one goes on behind it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .inflection import bases
from .numerals import numbered
from .spelling import words
from .verbs import separable


def _listed(text: str) -> list[str]:
    return text.split()


_TOKEN = re.compile(r"\w+(?:[.,]\d+)*(?:['\u2019\u02bc]\w+)*|[$\u20ac\u00a3%&]|[.?!\u2026]+")
_WRITTEN = (
    (re.compile(r"\b([ap])\.\s?m\b\.?", re.IGNORECASE), r"\1m"),
    (re.compile(r"(?<=\d)(?=[ap]m\b)", re.IGNORECASE), " "),
    (re.compile(r"([$\u20ac\u00a3])\s?(\d[\d.,]*\d|\d)"), r"\2 \1"),
)
"""What is said in another order or in other words than it is written: 3pm, $50."""
_ELIDED = re.compile(r"\b([ldjmtscn]|qu)['\u2019\u02bc](?=\w)", re.IGNORECASE)
"""French words that lose their end before the next."""
_ENDS = frozenset(".?!\u2026")
_HESITATIONS = frozenset(
    _listed(
        """
    um umm uh uhm er erm eh ah hmm hm mm mmm uhh euh ehm aeh oh well like okay ok yeah
    """
    )
)
_LISTENING = frozenset(
    _listed(
        """
    yes yeah yep ok okay right sure mhm mm uh huh hmm hm aha ah oh i see alright go on
    understood oui ja si ach so
    """
    )
)
"""What is said while somebody else goes on speaking."""
_ASIDES = (("you", "know"), ("i", "mean"), ("sort", "of"), ("kind", "of"))
_SIGNS = {"$": "dollar", "\u20ac": "euro", "\u00a3": "pound", "%": "percent", "&": "and"}
_JOINED = {
    "can't": "can not", "won't": "will not", "shan't": "shall not", "let's": "let us",
    "cannot": "can not", "gonna": "going to", "wanna": "want to", "gotta": "got to",
    "gimme": "give me", "lemme": "let me", "dunno": "do not know", "kinda": "kind of",
    "im": "i am", "ive": "i have", "youre": "you are", "theyre": "they are", "thats": "that is",
    "whats": "what is", "youve": "you have", "weve": "we have", "theyve": "they have",
    "dont": "do not", "cant": "can not", "wont": "will not", "didnt": "did not",
    "doesnt": "does not", "isnt": "is not", "arent": "are not", "wasnt": "was not",
    "werent": "were not", "havent": "have not", "hasnt": "has not", "hadnt": "had not",
    "couldnt": "could not", "wouldnt": "would not", "shouldnt": "should not",
    "percents": "percent", "mister": "mr", "doctor": "dr", "okay": "ok", "cheque": "check",
    "cheques": "checks", "grey": "gray", "tyre": "tire", "tyres": "tires", "programme": "program",
}  # fmt: skip
_PRONOUNS = frozenset(
    _listed(
        """
    it that what he she there here who where how when why this everything something nothing
    everyone everybody somebody someone nobody
    """
    )
)
_SHORT = {"re": "are", "ve": "have", "ll": "will", "m": "am", "d": "would"}
_IS_OR_HAS = "'s"
_NEGATIONS = frozenset(
    _listed(
        """
    not no never neither nor without nicht kein keine keinen keinem keiner nie niemals ohne ne pas
    jamais sans nunca jamas ni sin non mai niet geen nooit zonder nao sem nem
    nothing nobody none hardly nichts niemand kaum rien aucun aucune nada nadie ninguno
    ningun ninguna niente nulla nessuno nessun nessuna niets nenhum nenhuma ninguem
    """
    )
)
"""What does not stand between the words of a phrase: has not arrived is no "has arrived"."""
_LONGEST = 40
"""Words of a phrase."""
FURTHER = 4
"""Words that may stand between the parts of one verb: rufen Sie mich bitte zurück."""
BETWEEN = 2
"""Words that may stand between two words of a phrase: my old account, Vertrag letzte Woche."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it was said: its `bases`, the utterance it stands in, and whether it may be passed
    over. `opens`: it begins a sentence, behind one that ended. `parts` are those of a verb that may
    come in two: the bases of the first, and the second."""

    text: str
    bases: frozenset[str]
    line: int
    optional: bool = False
    opens: bool = False
    parts: tuple[tuple[frozenset[str], str], ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A phrase that was said: its place among the phrases, and the first and the last utterance."""

    phrase: int
    first: int
    last: int


def hits(utterances: Sequence[str], phrases: Sequence[str], language: str = "") -> list[Hit]:
    """Where in `utterances`, texts in the order they were said, which of `phrases` stands. Each
    occurrence once, in order. `language` is that of what was said, such as `de` or `de-DE`."""
    said = read(utterances, language)
    wanted = [read([phrase], language) for phrase in phrases]
    starts: dict[str, list[int]] = {}
    for at, word in enumerate(said):
        for base in word.bases:
            starts.setdefault(base, []).append(at)
    found: list[Hit] = []
    for place, phrase in enumerate(wanted):
        core = [word for word in phrase if not word.optional] or phrase
        if not core or len(core) > _LONGEST:
            continue
        begun = core[0].bases.union(*(verb for verb, _ in core[0].parts))
        firsts = sorted({at for base in begun for at in starts.get(base, ())}
                        | set(_parts(said, core[0])))  # fmt: skip
        after = -1
        for at in firsts:
            if at <= after:
                continue
            end = _ends_at(said, at, core)
            if end is not None:
                found.append(Hit(place, said[at].line, said[end - 1].line))
                after = end - 1
    return sorted(found, key=lambda hit: (hit.first, hit.last, hit.phrase))


def read(utterances: Sequence[str], language: str = "") -> list[Word]:
    """The words of texts, in their bases, with contractions, signs and numbers written out."""
    said: list[Word] = []
    ended = False
    for line, text in enumerate(utterances):
        spoken = _words(text, line, language, ended=ended)
        if line > 0 and len(spoken) <= 3 and all(word.text in _LISTENING for word in spoken):
            spoken = [Word(w.text, w.bases, line, True, w.opens) for w in spoken]
        else:
            ended = text.rstrip().endswith(("?", "!", ".", "\u2026"))
        said += spoken
    return _with_asides(said)


def _words(text: str, line: int, language: str, *, ended: bool) -> list[Word]:
    """The words of one utterance; `ended`: a sentence had, before it."""
    tokens: list[tuple[str, bool, bool]] = []  # text, optional, opens
    for written, spoken in _WRITTEN:
        text = written.sub(spoken, text)
    if language[:2].lower() == "fr":
        text = _ELIDED.sub(r"\1e ", text)
    for token in _TOKEN.findall(text):
        if token[0] in _ENDS:
            ended = True
            continue
        opens = ended and token[0].isupper() and token not in ("I", "I'm", "I\u2019m")
        for n, (word, optional) in enumerate(_written_out(token)):
            tokens.append((word, optional, opens and n == 0))
        ended = False
    plain = [word for word, _, _ in tokens]
    made: list[Word] = []
    for start, end, value in numbered(plain, language[:2].lower()):
        _, optional, opens = tokens[start]
        optional = (optional or value in _HESITATIONS) and end == start + 1
        said = bases("is") | bases("has") if value == _IS_OR_HAS else bases(value, language)
        parts = tuple((bases(verb, language), last)
                      for verb, last in separable(value, language[:2].lower()))  # fmt: skip
        made.append(Word(value, said, line, optional, opens, parts))
    return made


def _written_out(token: str) -> list[tuple[str, bool]]:
    """A token as words, each with whether it may be passed over."""
    if token in _SIGNS:
        return [(_SIGNS[token], False)]
    token = token.replace("\u2019", "'").replace("\u02bc", "'").casefold()
    if token[0].isdecimal() and "'" not in token:
        return [(re.sub(r"(?<=\d),(?=\d{3})", "", token), False)]
    if token in _JOINED:
        return [(word, False) for word in _JOINED[token].split()]
    stem, _, end = token.rpartition("'")
    if not stem:
        return [(part, False) for word in words(token) for part in _JOINED.get(word, word).split()]
    if end == "t" and stem.endswith("n"):
        return [*((word, False) for word in words(stem[:-1])), ("not", False)]
    heads = [(word, False) for word in words(stem)]
    if end in _SHORT:
        return [*heads, (_SHORT[end], False)]
    if end == "s":  # of what is owned, or what it is
        return [*heads, (_IS_OR_HAS, stem not in _PRONOUNS)]
    return [(word, False) for word in words(token)]


def _with_asides(said: list[Word]) -> list[Word]:
    """The same, with a stammer and "you know" as what may be passed over."""
    made = list(said)
    for at in range(len(made) - 1):
        first, second = made[at], made[at + 1]
        behind = at + 1  # of what was said again, across a hesitation
        while behind < len(made) - 1 and made[behind].text in _HESITATIONS:
            behind += 1
        again = made[behind]
        if first.text == again.text and not first.optional:
            made[behind] = Word(again.text, again.bases, again.line, True, again.opens)
        if (first.text, second.text) in _ASIDES:
            for n in (at, at + 1):
                made[n] = Word(made[n].text, made[n].bases, made[n].line, True, made[n].opens)
    return made


def _parts(said: Sequence[Word], word: Word) -> list[int]:
    """Where `word` may stand as two words, or as the first half of one: e-mail, log in."""
    return [
        at for at, one in enumerate(said)
        if (len(one.text) < len(word.text) and word.text.startswith(one.text))
        or (len(one.text) > len(word.text) and one.text.startswith(word.text))
    ]  # fmt: skip


def _ends_at(said: Sequence[Word], start: int, phrase: Sequence[Word]) -> int | None:
    """The place behind the phrase that begins at `start`, None where it does not."""
    at, n, crossed, between = start, 0, False, 0
    while n < len(phrase):
        if at >= len(said):
            return None
        took = _same(said, at, phrase, n) or _apart(said, at, phrase, n)
        if took is None:
            between += not said[at].optional
            if said[at].text in _NEGATIONS:
                return None
            if n == 0 or between > BETWEEN:
                return None
            if said[at].opens and said[at].line == said[at - 1].line:
                return None
            crossed = crossed or said[at].opens
            at += 1
            continue
        if n > 0 and said[at].opens:
            if said[at].line == said[at - 1].line:
                return None
            crossed = True
        between = 0
        at, n = at + took[0], n + took[1]
    goes_on = at < len(said) and not said[at].opens and said[at].line == said[at - 1].line
    return None if crossed and goes_on else at


def _same(said: Sequence[Word], at: int, phrase: Sequence[Word], n: int) -> tuple[int, int] | None:
    """How many words of either side say the same there; None for none."""
    here, wanted = said[at], phrase[n]
    if here.bases & wanted.bases:
        return 1, 1
    if at + 1 < len(said) and bases(here.text + said[at + 1].text) & wanted.bases:
        return 2, 1
    if n + 1 < len(phrase) and here.bases & bases(wanted.text + phrase[n + 1].text):
        return 1, 2
    if (took := _digits(said, at, wanted.text)) is not None:
        return took, 1
    if (took := _digits(phrase, n, here.text)) is not None:
        return 1, took
    return None


def _apart(said: Sequence[Word], at: int, phrase: Sequence[Word], n: int) -> tuple[int, int] | None:
    """The same where what is last of the phrase is a verb in two parts, with others between."""
    wanted = phrase[n]
    if n + 1 < len(phrase):
        return None
    for verb, before in wanted.parts:
        if not said[at].bases & verb:
            continue
        for end in range(at + 1, min(at + FURTHER + 2, len(said))):
            if said[end].opens or said[end].text in _NEGATIONS:
                break
            if said[end].text == before:
                return end + 1 - at, 1
    return None


def _digits(one_by_one: Sequence[Word], at: int, number: str) -> int | None:
    """How many words say the digits of `number` one after another, or a few at a time; None where
    they do not."""
    end, said = at, ""
    while number.isdecimal() and len(said) < len(number) and end < len(one_by_one):
        if not (word := one_by_one[end].text).isdecimal():
            return None
        said, end = said + word, end + 1
    goes_on = end < len(one_by_one) and one_by_one[end].text.isdecimal()
    return end - at if said == number and end - at > 1 and not goes_on else None
