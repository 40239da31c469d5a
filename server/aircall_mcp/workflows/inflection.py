"""Forms of one word, in English closely, in six languages more by their stems: two words are the
same if they have a base in common. Whose a thing is makes no other word: my, our, your.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import import_module
from typing import Protocol

from .spelling import fold
from .verbs import infinitives, is_noun, parted


class Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802 - the library's name


def _listed(text: str) -> list[str]:
    return text.split()


_IRREGULAR = """
be am is are was were been being; have has had having; do does did done doing; go goes went gone
say says said; get gets got gotten; make made; take took taken; come came; leave left; send sent
speak spoke spoken; tell told; think thought; find found; give gave given; know knew known
see saw seen; pay paid; buy bought; bring brought; keep kept; feel felt; hear heard; lose lost
meet met; run ran; sell sold; spend spent; stand stood; understand understood; write wrote written
break broke broken; begin began begun; choose chose chosen; drive drove driven; eat ate eaten
fall fell fallen; forget forgot forgotten; grow grew grown; hold held; lead led; mean meant
ring rang rung; rise rose risen; send sent; show showed shown; sit sat; sleep slept; steal stole
stolen; swear swore sworn; teach taught; throw threw thrown; wake woke woken; wear wore worn
die died dies dying; tie tied ties tying
arise arose arisen; awake awoke; bear bore borne; beat beaten; become became; bend bent; blow blew
blown; breed bred; burn burnt; cling clung; creep crept; dig dug; dream dreamt; drink drank drunk
feed fed; flee fled; fling flung; fly flew flown; foresee foresaw foreseen; forgive forgave forgiven
learn learnt; mislead misled; mistake mistook mistaken; overcome overcame; prove proven; ride rode
ridden; seek sought; shrink shrank shrunk; sing sang sung; sink sank sunk; spell spelt; spill spilt
spin spun; spoil spoilt; spring sprang sprung; strike struck; sweep swept; swim swam swum; swing
swung; tear tore torn; undertake undertook undertaken; weave wove woven; weep wept
win won; withdraw withdrew withdrawn; build built; catch caught; deal dealt; draw drew drawn
fight fought; freeze froze frozen; hang hung; hide hid hidden; lay laid; lie lied lying lay lain
lend lent; light lit; overpay overpaid; rewrite rewrote rewritten; shake shook shaken; stick stuck
undo undid undone; upset; child children; person people; man men; woman women; foot feet
my mine our ours your yours; his; her hers; their theirs
mein meine meinen meinem meiner meines unser unsere unseren unserem unserer dein deine deinen ihr
mein ihre ihren ihrem ihrer euer eure
mon ma mes ton ta tes votre vos notre nos leur leurs
mi mis tu tus su sus nuestro nuestra nuestros nuestras vuestro vuestra
mio mia miei mie tuo tua suo sua nostro nostra vostro vostra
mijn onze ons jouw uw; meu minha meus minhas seu sua seus suas nosso nossa
""".replace("\n", "; ")
_BASES: dict[str, set[str]] = {}
for _line in _IRREGULAR.split(";"):
    _forms = _line.split()
    for _form in _forms:
        _BASES.setdefault(_form, set()).add(_forms[0])
_WHOLE = frozenset(
    _listed(
        """
    news always this his its us as plus bus yes thus gas perhaps thing nothing something
    anything everything during morning evening king ring spring string bring need feed speed
    indeed red bed hundred wedding accounting building ceiling sibling
    """
    )
)
"""Words that only look like forms of another one."""
_SPELLINGS = (("isation", "ization"), ("ising", "izing"), ("ised", "ized"), ("ise", "ize"),
              ("yse", "yze"), ("ysed", "yzed"), ("our", "or"), ("ogue", "og"), ("tre", "ter"),
              ("ence", "ense"))  # fmt: skip
_VOWELS = frozenset("aeiouy")


@lru_cache(maxsize=16_384)
def bases(word: str, language: str = "") -> frozenset[str]:
    """What a folded word may be a form of, itself included; in a language of `STEMMED` (`de`,
    `de-DE`) also by its stem there."""
    found = {word, *_BASES.get(word, ())}
    if word not in _WHOLE and word not in _BASES:
        found |= {base for base in _cut(word) if len(base) > 1}
    language = language[:2].lower()
    stems = _stems_in(language, word) if language in STEMMED else set[str]()
    return frozenset(found | {_american(one) for one in found} | stems)


_WEAK = re.compile("(t|te|ten|test|tet|st|d|de|den)$")
_PARTICIPLE = re.compile("e(e?s?)$")
_CLITICS = {
    "es": re.compile("([a-z]{3,}(?:[aei]r|[ae]|ndo))(?:[mts]e|nos)?(?:l[ao]s?|les?|[mts]e|nos)"),
    "it": re.compile("([a-z]{3,}(?:[aei]r|te|ndo))(?:[mtcvs]i|l[aoie]|ne|melo|gli)"),
}
"""Who or what a verb is done to, written as one with it: devolverme, inviatemi."""
_FUTURE = re.compile("([a-z]{3,}[aei]r)(?:e|as|a|emos|eis|an)")
STEMMED = {"de": "german", "fr": "french", "es": "spanish", "it": "italian", "nl": "dutch",
           "pt": "portuguese"}  # fmt: skip


def _stems_in(language: str, word: str) -> set[str]:
    """What is left of `word` in that language without its ending, at least three letters; of a
    participle also without what it has within: gekündigt, kündigen. `word` has no accents, which
    the stemmer needs to know a French participle by. What an irregular form is of comes without
    its ending, too."""
    stemmer = _stemmer(STEMMED[language])
    irregular = [*infinitives(word, language)]
    forms = [word, *irregular, *parted(word, language)]
    if language in ("de", "nl"):
        forms += [word[2:]] if len(word) > 6 and word.startswith("ge") else []
        forms += [cut for form in forms if len(cut := _WEAK.sub("", form)) > 3]
    if language in _CLITICS and (bound := _CLITICS[language].fullmatch(word)):
        forms.append(bound[1])
    if language == "es" and (future := _FUTURE.fullmatch(word)):
        forms.append(future[1])
    if language == "fr" and len(word) > 4 and (ending := _PARTICIPLE.search(word)):
        forms.append(f"{word[: ending.start()]}\u00e9{ending[1]}")
    noun = "+" if not irregular and is_noun(word, language) else ""
    stems = (fold(stemmer.stemWord(form)) for form in forms)
    return {f"{stem}-{noun}" for stem in stems if len(stem) >= 3} | {f"{one}-" for one in irregular}


@lru_cache(maxsize=8)
def _stemmer(language: str) -> Stemmer:
    # Only who looks for phrases needs it. It has no types of its own.
    found: Stemmer = import_module("snowballstemmer").stemmer(language)
    return found


def _cut(word: str) -> set[str]:
    found: set[str] = set()
    if word.endswith("ies") and len(word) > 4:
        found.add(f"{word[:-3]}y")
    if word.endswith("es") and len(word) > 4:
        found |= {word[:-2], word[:-1]} if word[-3] in "sxzho" else {word[:-1]}
    elif word.endswith("s") and len(word) > 3 and not word.endswith(("ss", "us", "is")):
        found.add(word[:-1])
    if word.endswith("ied") and len(word) > 4:
        found.add(f"{word[:-3]}y")
    elif word.endswith("ed"):
        found |= _stems(word[:-2])
    if word.endswith("ying") and len(word) > 5:
        found.add(word[:-3])
    if word.endswith("ing"):
        found |= _stems(word[:-3])
    return found


def _stems(stem: str) -> set[str]:
    """What `-ed` and `-ing` may have been put to: cancell(ed), hop(ing), want(ed)."""
    if len(stem) < 2 or not _VOWELS & set(stem):
        return set()
    if len(stem) > 2 and stem[-1] == stem[-2] and stem[-1] not in "aeiou":
        return {stem, stem[:-1]}
    if len(stem) == 2:
        return {stem, f"{stem}e"}
    return {stem, f"{stem}e"}


def _american(word: str) -> str:
    for british, american in _SPELLINGS:
        if len(word) > len(british) + 1 and word.endswith(british):
            return word.removesuffix(british) + american
    return word
