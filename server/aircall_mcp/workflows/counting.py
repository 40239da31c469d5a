"""Numbers up to 999,999 written as words in languages other than English: einundzwanzig,
quatre-vingt-dix, treinta y dos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from .spelling import words

_ONES = {
    "de": "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn"
    " fünfzehn sechzehn siebzehn achtzehn neunzehn",
    "nl": "nul een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien"
    " vijftien zestien zeventien achttien negentien",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze"
    " seize dix-sept dix-huit dix-neuf",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince"
    " dieciséis diecisiete dieciocho diecinueve",
    "it": "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici"
    " quattordici quindici sedici diciassette diciotto diciannove",
    "pt": "zero um dois três quatro cinco seis sete oito nove dez onze doze treze catorze quinze"
    " dezesseis dezessete dezoito dezenove",
}
SPOKEN = frozenset(_ONES)
_TENS = {
    "de": "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
    "nl": "twintig dertig veertig vijftig zestig zeventig tachtig negentig",
    "fr": "vingt trente quarante cinquante soixante soixante quatre-vingt quatre-vingt",
    "es": "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
    "it": "venti trenta quaranta cinquanta sessanta settanta ottanta novanta",
    "pt": "vinte trinta quarenta cinquenta sessenta setenta oitenta noventa",
}
_HUNDREDS = {
    "es": "cien doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos"
    " novecientos",
    "pt": "cem duzentos trezentos quatrocentos quinhentos seiscentos setecentos oitocentos"
    " novecentos",
}
_HUNDRED = {"de": "hundert", "nl": "honderd", "fr": "cent", "it": "cento"}
_THOUSAND = {"fr": "mille", "es": "mil", "it": "mila", "pt": "mil"}
_SCALE = 1_000
_MORE = {
    "de": {"zwo": 2},
    "nl": {},
    "fr": {"quatre vingts": 80, "septante": 70, "huitante": 80, "nonante": 90},
    "es": {},
    "it": {"mille": 1000},
    "pt": {"duas": 2},
}


def counted(said: list[str], at: int, language: str) -> tuple[int, int] | None:
    """Where the number ends that begins at `at`, and its value; None where none begins. One is
    none: it is an article."""
    table = _table(language)
    if (whole := _in_one(said[at], table)) is not None:
        return at + 1, whole
    found = _below_thousand(said, at, table)
    end, value = found or (at, 1)
    if end < len(said) and said[end] == _THOUSAND.get(language) and value < _SCALE:
        end, rest = _below_thousand(said, end + 1, table) or (end + 1, 0)
        return end, value * _SCALE + rest
    return found


def _in_one(word: str, table: Mapping[str, int]) -> int | None:
    """zweitausendfünfzig, duizend."""
    for glue in ("tausend", "duizend"):
        times, found, rest = word.partition(glue)
        if found:
            many = 1 if times in ("", "ein", "een") else table.get(times)
            more = table.get(rest) if rest else 0
            return None if many is None or more is None else many * _SCALE + more
    return None


def _below_thousand(said: list[str], at: int, table: Mapping[str, int]) -> tuple[int, int] | None:
    for length in range(min(8, len(said) - at), 0, -1):
        value = table.get(" ".join(said[at : at + length]))
        if value is not None:
            return at + length, value
    return None


@cache
def _table(language: str) -> Mapping[str, int]:
    if language not in _ONES:
        return {}
    said = {" ".join(words(text)): value for value, text in _spoken(language)}
    said.update(_MORE[language])
    return {text: value for text, value in said.items() if value != 1}


def _spoken(language: str) -> Iterator[tuple[int, str]]:
    below = dict(_below_hundred(language))
    yield from below.items()
    glue = {"fr": " ", "es": " ", "pt": " e "}.get(language, "")
    for hundreds in range(1, 10):
        for alone in _hundreds(language, hundreds, below):
            yield hundreds * 100, alone
            for rest in range(1, 100):
                yield hundreds * 100 + rest, f"{alone}{glue}{below[rest]}"


def _hundreds(language: str, hundreds: int, below: Mapping[int, str]) -> list[str]:
    if language in _HUNDREDS:
        alone = _HUNDREDS[language].split()[hundreds - 1]
        before = {"cien": "ciento", "cem": "cento"}.get(alone)
        return [alone, before] if before else [alone]
    word = _HUNDRED[language]
    times = below[hundreds]
    if hundreds == 1:
        return [word, f"ein{word}"] if language == "de" else [word]
    return [f"{times} {word}", f"{times} {word}s"] if language == "fr" else [f"{times}{word}"]


def _below_hundred(language: str) -> Iterator[tuple[int, str]]:
    ones = _ONES[language].split()
    yield from enumerate(ones)
    for ten, name in enumerate(_TENS[language].split(), 2):
        soixante = language == "fr" and ten in (7, 9)
        yield ten * 10, f"{name} dix" if soixante else name
        for one in range(1, 10):
            yield ten * 10 + one, _joined(language, ten, name, one, ones, teens=soixante)


def _joined(language: str, ten: int, name: str, one: int, ones: list[str], *, teens: bool) -> str:
    if language == "de":
        return f"{'ein' if one == 1 else ones[one]}und{name}"
    if language == "nl":
        return f"{ones[one]}en{name}"
    if language == "fr":
        et = " et " if one == 1 and ten < 8 else " "
        return f"{name}{et}{ones[one + 10 * teens]}"
    if language == "es":
        return f"veinti{ones[one]}" if ten == 2 else f"{name} y {ones[one]}"
    if language == "it":
        return f"{name.removesuffix(name[-1]) if one in (1, 8) else name}{ones[one]}"
    return f"{name} e {ones[one]}"
