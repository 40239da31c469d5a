"""Who or what is meant by what somebody typed: an id, an address, digits or a name.

Exact goes before whole words, these before beginnings, and all of them before slips of the finger.
What fits several equally well is asked back, with what tells them apart.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import nsmallest
from typing import Any, Literal, NamedTuple

from ..ground.phones import e164
from .meant import Found, Kind, Named
from .short_names import called, cousins
from .sounds import bones, sound, without_vowels
from .spelling import (
    another_name,
    distance,
    leeway,
    mask,
    more_words,
    runs,
    scottish,
    spellings,
    words,
)
from .titles import FILLERS, HONOURS

LONGEST = 200
"""Characters of what is typed that are looked at."""

_ID = re.compile(r"\s*(?:#|id\s*[:#]?\s*)?(\d{1,19})\s*", re.IGNORECASE)
_PHONE = re.compile(r"\s*[+(\d][\d\s().+/\u00a0\u2010-\u2015-]{2,40}\s*")
_PLAIN = re.compile(r"\+[1-9]\d{6,14}")
_SCHEME = re.compile(r"(?:mailto|tel|sms):\s*(?://)?", re.IGNORECASE)
_DOMAIN = re.compile(r"(?:@|www\.|https?://(?:www\.)?)?([^\s@<>/]+\.[a-z]{2,})/?", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]*")
_ENOUGH = 7
"""Digits up to which a number is an end of one, with its zeros."""
_FEW = 5_000
"""Words of which the nearest are looked for further away."""
_SHORT = 5
"""Letters below which a slip leaves nothing sure."""
_LONG = 7
"""Letters of a word beyond which two slips make no other name."""
_LEAST = 4
"""Digits of which a number is looked for by its end."""


def find(query: str, known: Iterable[Named]) -> Found:
    """Those of `known` that `query` means, out of a list that is short enough to be read anew."""
    return Names(known).find(query)


class _Far(NamedTuple):
    """How far a word is from one of a name; `doubt` that it is another name's."""

    far: int
    doubt: bool
    how: Literal["exact", "beside", "begun", "called", "sounds", "slip"]


class Names:
    """A list made ready to be asked often, and kept up to date. 50,000 names take a second or two,
    and each question some milliseconds."""

    def __init__(self, known: Iterable[Named] = ()) -> None:
        self._known: dict[int, Named] = {}
        self._at: dict[tuple[Kind, int], int] = {}
        self._next = 0
        self._ids: dict[int, list[int]] = defaultdict(list)
        self._addresses: dict[str, list[int]] = defaultdict(list)
        self._locals: dict[str, list[int]] = defaultdict(list)
        self._ends: dict[str, list[tuple[str, int]]] = defaultdict(list)
        self._whole: dict[str, list[int]] = defaultdict(list)
        self._ordered: dict[str, list[int]] = defaultdict(list)
        self._bare: dict[str, list[int]] = defaultdict(list)
        self._words: dict[str, set[int]] = defaultdict(set)
        self._beside: dict[str, set[int]] = defaultdict(set)
        self._sorted: list[str] = []
        self._masks: dict[int, list[tuple[int, str]]] = defaultdict(list)
        self._sounds: dict[str, set[str]] = defaultdict(set)
        self._bones: dict[str, set[int]] = defaultdict(set)
        for one in known:
            self._enter(one)
        self._sorted = sorted(self._words)

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Named]:
        return iter(self._known.values())

    def put(self, one: Named) -> None:
        """Take `one` in, in the place of what had its id."""
        if (place := self._at.get((one.kind, one.id))) is None or self._known[place] != one:
            for word in self._enter(one):
                insort(self._sorted, word)

    def drop(self, kind: Kind, id_: int) -> None:
        """Forget the one of this id, if there is one."""
        place = self._at.pop((kind, id_), None)
        if place is None:
            return
        one = self._known.pop(place)
        said = spellings(one.name)
        for table, key in self._tables(one, said):
            table[key].remove(place)
        for phone in one.phones:
            digits = _digits(phone)
            if (digits, place) in self._ends[digits[-_LEAST:]]:
                self._ends[digits[-_LEAST:]].remove((digits, place))
        for spelled, tables in (
            *((spelled, self._words) for spelled in (*said, more_words(one.name, said))),
            *((spelled, self._beside) for spelled in spellings(one.beside)),
        ):
            for word in spelled:
                tables[word].discard(place)
        for bare in _bones_of(one.name):
            self._bones[bare].discard(place)

    def _enter(self, one: Named) -> list[str]:
        """Take `one` in; the words of its name that nobody had before."""
        self.drop(one.kind, one.id)
        place = self._next
        self._next += 1
        self._known[place] = one
        self._at[one.kind, one.id] = place
        said = spellings(one.name)
        for table, key in self._tables(one, said):
            table[key].append(place)
        for phone in one.phones:
            digits = _digits(phone)
            if len(digits) >= _LEAST:
                self._ends[digits[-_LEAST:]].append((digits, place))
        fresh: list[str] = []
        for spelled in (*said, more_words(one.name, said)):
            for word in spelled:
                if word not in self._words:
                    self._masks[len(word)].append((mask(word), word))
                    self._sounds[sound(word)].add(word)
                    fresh.append(word)
                self._words[word].add(place)
        for bare in _bones_of(one.name):
            self._bones[bare].add(place)
        for spelled in spellings(one.beside):
            for word in spelled:
                self._beside[word].add(place)
        return fresh

    def _tables(
        self, one: Named, said: Sequence[tuple[str, ...]]
    ) -> Iterator[tuple[dict[Any, list[int]], int | str]]:
        """Where `one` is entered, but for its words and numbers."""
        yield self._ids, one.id
        plain = next(iter(said), ())
        for key in _in_order(plain):
            yield self._ordered, key
        for key in _in_order(_kept(plain)):
            yield self._bare, key
        for address in one.emails:
            folded = address.strip().casefold()
            yield self._addresses, folded
            yield self._locals, folded.partition("@")[0]
        keys = {key for spelled in said
                for key in (" ".join(sorted(spelled)), "".join(spelled))}  # fmt: skip
        for key in keys:
            yield self._whole, key

    def find(self, query: str) -> Found:
        query = _SCHEME.sub("", query[:LONGEST].strip())
        if not query:
            return Found()
        for look in (self._by_id, self._by_address, self._by_phone):
            places = look(query)
            if places is not None:
                return self._found(places) if places else Found(near=self._near(words(query)))
        if query.isdigit():
            return Found()
        found = self._by_name(HONOURS.sub("", query) or query)
        if local := self._locals.get(query.casefold()):
            named = () if found is None or found.slipped else found.fits
            return self._found({*local, *(self._at[one.kind, one.id] for one in named)}, 1)
        return found or Found(near=self._near(_kept(words(query))))

    def _found(
        self, places: Iterable[int], grade: int = 0, *, sure: bool = True, slipped: bool = False
    ) -> Found:
        fits = tuple(self._known[place] for place in sorted(set(places)))
        return Found(tuple(dict.fromkeys(fits)), sure, slipped, grade=grade)

    # by what is no name: None where the query is nothing of the kind

    def _by_id(self, query: str) -> list[int] | None:
        matched = _ID.fullmatch(query)
        if matched is None:
            return None
        if places := self._ids.get(int(matched[1])):
            return places
        named = self._whole.get(query.strip())  # a tag or a team may be called 2026
        if named:
            return named
        return None if query.strip().isdigit() else []

    def _by_address(self, query: str) -> list[int] | None:
        if domain := _DOMAIN.fullmatch(query):
            ends = (f"@{domain[1].casefold()}", f".{domain[1].casefold()}")
            there = [place for known, places in self._addresses.items()
                     if known.endswith(ends) for place in places]  # fmt: skip
            if there or query.startswith("@"):
                return there
        matched = _ADDRESS.search(query)
        if matched is None:
            return None
        address = matched[0].casefold().rstrip(".,;")
        if places := self._addresses.get(address):
            return places
        begun = [place for known, places in self._addresses.items()
                 if known.startswith(address) for place in places]  # fmt: skip
        return begun or self._whole.get(" ".join(sorted(words(query))), [])

    def _by_phone(self, query: str) -> list[int] | None:
        digits = _digits(query)
        if len(digits) < _LEAST or not _PHONE.fullmatch(query):
            return None
        there = self._ends.get(digits[-_LEAST:], ())
        exact = [place for known, place in there if known in (digits, _digits(e164(query)))]
        if exact:
            return exact
        if query.startswith("+"):
            return [place for numbers in self._ends.values() for known, place in numbers
                    if known.startswith(digits)]  # fmt: skip
        end = digits.lstrip("0") if len(digits) > _ENOUGH else digits
        return [place for known, place in there if known.endswith(end)]

    # by name

    def _by_name(self, query: str) -> Found | None:
        plain = words(query)
        typed = {one: None for one in (*spellings(query, read=False), *runs(plain), scottish(plain))
                 if one}  # fmt: skip
        last, comma, first = query.partition(",")
        said = words(f"{first} {last}" if comma else query)
        for key in [*_in_order(said), *_in_order(_kept(said))]:
            if places := self._ordered.get(key) or self._bare.get(key):
                return self._found(places, 1)
        kept = tuple(one for one in dict.fromkeys(map(_kept, typed)) if one and one not in typed)
        looks: Sequence[tuple[int, Callable[[tuple[str, ...]], Iterable[int]]]] = (
            (1, self._as_a_whole), (2, self._by_words), (2, self._by_words_beside),
        )  # fmt: skip
        for said in (typed, kept, spellings(query)):
            for grade, look in looks:
                if places := {place for one in said for place in look(one)}:
                    return self._found(places, grade)
        return next(filter(None, map(self._nearly, (*typed, *kept))), None)

    def _as_a_whole(self, said: tuple[str, ...]) -> Iterable[int]:
        keys = (" ".join(sorted(said)), "".join(said))
        return [place for key in keys for place in self._whole.get(key, ())]

    def _by_words(self, said: tuple[str, ...]) -> Iterable[int]:
        """Whose name has all these words and more; and, of several words, who is a slip away from
        being called so, since that may be who is meant."""
        places = _all_of([self._words.get(word, set()) for word in said])
        if not places or len(said) == 1:
            return places
        costs = self._costs(said, leeway)
        slipped = _all_of([set(cost) for cost in costs])
        return places | {
            place for place in slipped if sum(cost[place].far for cost in costs) == 1
            and all(cost[place].how in ("exact", "slip") for cost in costs)
        }  # fmt: skip

    def _by_words_beside(self, said: tuple[str, ...]) -> Iterable[int]:
        none: set[int] = set()
        return _all_of(
            [self._words.get(word, none) | self._beside.get(word, none) for word in said]
        )

    def _begun(self, start: str) -> list[str]:
        """The words of names that begin so."""
        at = end = bisect_left(self._sorted, start)
        while end < len(self._sorted) and self._sorted[end].startswith(start):
            end += 1
        return self._sorted[at:end]

    def _nearly(self, said: tuple[str, ...]) -> Found | None:
        """Those that are meant if names were shortened, spelled by ear, or fingers slipped; `sure`
        where it can be no other name."""
        costs = self._costs(said, leeway)
        whole = _all_of([set(cost) for cost in costs])
        if not whole:
            return None
        total = {place: sum(cost[place].far for cost in costs) for place in whole}
        least = min(total.values())
        meant = [place for place in whole if total[place] <= least + 1]
        best = [place for place in meant if total[place] == least]
        if all(cost[place].how != "slip" for place in best for cost in costs):
            meant = best + [p for p in meant if p not in best and not _worse(p, best, costs)]
        if len(meant) == 1 and len(said) > 1:
            rivals = self._rivals(said, least + 1, meant[0])
            if rivals:
                return self._found([*meant, *rivals], 3, sure=False, slipped=True)
        doubt = any(cost[place].doubt for place in meant for cost in costs)
        slips = [any(cost[place].how == "slip" for cost in costs) for place in meant]
        short = sum(len(word) for word in said) < _SHORT
        sure = not doubt and not (any(slips) and short)
        return self._found(meant, 3, sure=sure, slipped=all(slips))

    def _rivals(self, said: Sequence[str], most: int, but: int) -> list[int]:
        """Who else may be meant: one word as it is, and another with a slip more than we would
        forgive alone. Tom Becker for Tom Baker, where there is a Thomas Becker."""
        found: set[int] = set()
        for word in said:
            for place in self._words.get(word, set()) - found - {but}:
                known = {one for name in spellings(self._known[place].name) for one in name}
                if sum(_slips(other, known) for other in said if other != word) <= most:
                    found.add(place)
        return [*found]

    def _costs(self, said: Sequence[str], most: Callable[[str], int]) -> list[Mapping[int, _Far]]:
        """For each word, who has one like it: how far it is, and whether that is another name."""
        costs: list[Mapping[int, _Far]] = []
        for word in said:
            cost: dict[int, _Far] = {}

            def enter(places: Iterable[int], far: _Far, cost: dict[int, _Far] = cost) -> None:
                for place in places:
                    if place not in cost or far[:2] < cost[place][:2]:
                        cost[place] = far

            for known, far in self._like(word, most(word)):
                if far and known in said:
                    continue  # that is meant by another word
                doubt = far > 1 + (len(word) > _LONG) or another_name(word, known)
                enter(self._words[known], _Far(far, doubt, "slip" if far else "exact"))
            for known in self._sounds.get(sound(word), ()):
                enter(self._words[known], _Far(1, False, "sounds"))
            enter(self._bones.get(bones(word), ()), _Far(1, False, "sounds"))
            enter(self._beside.get(word, ()), _Far(0, False, "beside"))
            begun = self._begun(word)
            for known in begun:
                enter(self._words[known], _Far(1, False, "begun"))
            # Jeff is short for Geoffrey, too, but where there is a Jeffrey that is who is meant.
            heard = {sound(known) for known in begun}
            for name in called(word):
                far = 3 if sound(name) in heard and name not in begun else 1
                enter(self._words.get(name, ()), _Far(far, False, "called"))
            for name in cousins(word):
                enter(self._words.get(name, ()), _Far(2, True, "called"))
            costs.append(cost)
        return costs

    def _like(self, word: str, most: int) -> list[tuple[str, int]]:
        bits = mask(word)
        return [
            (known, far)
            for length in range(len(word) - most, len(word) + most + 1)
            for there, known in self._masks.get(length, ())
            if (bits ^ there).bit_count() <= 2 * most
            and (far := distance(word, known, most)) <= most
        ]

    def _near(self, said: tuple[str, ...]) -> tuple[Named, ...]:
        """The nearest, for somebody to look at: those that share a word, or something like it."""
        if not said:
            return ()
        scores: dict[int, float] = defaultdict(float)
        further = len(self._sorted) < _FEW
        for cost in self._costs(said, lambda word: leeway(word) + (further and len(word) > 3)):
            for place, one in cost.items():
                scores[place] += 1 / (1 + one.far)
        best = nsmallest(3, scores, key=lambda place: (-scores[place], place))
        return tuple(self._known[place] for place in best)


def _in_order(name: tuple[str, ...]) -> Iterable[str]:
    """What a name is known by as it stands: whole, and written in one."""
    return dict.fromkeys([" ".join(name), "".join(name)] if name else [])


def _kept(said: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for word in said if word not in FILLERS)


def _bones_of(name: str) -> set[str]:
    """The consonants of the words of a name whose script writes no vowels, with and without an
    article."""
    if not without_vowels(name):
        return set()
    said = {word for spelled in spellings(name) if "".join(spelled).isascii() for word in spelled}
    bare = said | {word.removeprefix("al") for word in said} | {word[1:] for word in said
                                                              if word.startswith("l")}  # fmt: skip
    bare |= {word.replace("v", "") for word in said}  # a letter that is o and u, too
    return {bones(word) for word in bare} - {""}


def _worse(place: int, best: Iterable[int], costs: Sequence[Mapping[int, _Far]]) -> bool:
    """Whether it is one of the `best` but for a word that is another name: Matthew Stowe beside
    Matthew Stone, asked for as Matt Stone."""
    return any(
        all(
            cost[one].far == cost[place].far
            or (cost[one].far == 0 and cost[place].how == "slip" and cost[place].doubt)
            for cost in costs
        )
        for one in best
    )


def _slips(word: str, known: Iterable[str]) -> float:
    """How far a word is from the nearest of some, up to one slip more than is forgiven."""
    most = leeway(word) + (len(word) >= _SHORT)
    far = min((distance(word, one, most) for one in known), default=most + 1)
    return far if far <= most else float("inf")


def _all_of(sets: Sequence[set[int]]) -> set[int]:
    both = set(sets[0]) if sets else set[int]()
    for one in sets[1:]:
        both &= one
    return both


def _digits(phone: str) -> str:
    """The digits of the number, with its country where it says which."""
    plain = phone if _PLAIN.fullmatch(phone) else e164(phone)
    return "".join(one for one in plain if one.isdigit())
