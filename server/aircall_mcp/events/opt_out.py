"""People who ask by text to be left alone: a message of nothing but stop words that carriers act
on."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from ..ground.visible import bare

STOP_WORDS: Final = frozenset(
    {
        # https://www.ctia.org/the-wireless-industry/industry-commitments/messaging-principles
        "stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "revoke", "optout",
        "opt out", "please stop", "stop please", "stop texting", "stop texting me",
        "arret", "arreter", "desabonner",  # fr
        "stopp", "abbestellen", "abmelden",  # de
        "alto", "parar", "baja", "cancelar",  # es
        "pare", "sair",  # pt
        "ferma", "basta", "annulla",  # it
        "afmelden", "uitschrijven",  # nl
        "avsluta", "avregistrera",  # sv
        "wypisz", "rezygnuje",  # pl
        "iptal",  # tr
        "стоп", "отписаться",  # ru
        "στοπ",  # el
        "توقف", "الغاء",  # ar
        "停止",  # ja, zh
        "退订", "退訂", "取消",  # zh
    }
)  # fmt: skip
"""In small letters without accents, each the whole of a text, or of its words if it has several."""
_LONGEST: Final = 40
"""Characters above which no text is one of the words: nothing longer is looked at."""


def who_stops(kind: str, data: Mapping[str, Any]) -> str | None:
    """The number (as Aircall writes it) whose text asks to be left alone; None for all else."""
    if kind != "message.received" or data.get("direction") == "outbound":
        return None
    said = next(
        (
            said
            for name in ("body", "text", "content")
            if isinstance(said := data.get(name), str) and bare(said).strip()
        ),
        "",
    )
    number = next(
        (
            number
            for name in ("raw_digits", "external_number", "from")
            if isinstance(number := data.get(name), str) and number.strip()
        ),
        "",
    )
    return number if number and is_stop(said) else None


def is_stop(text: str) -> bool:
    """Whether `text` is a word that stops, or several, whatever case, accents and punctuation."""
    if len(text := text.strip()) > _LONGEST:
        return False
    plain = unicodedata.normalize("NFKD", bare(text)).casefold()
    kept = "".join(one if one.isalnum() else " " for one in plain if not unicodedata.combining(one))
    words = kept.split()
    return " ".join(words) in STOP_WORDS or (bool(words) and STOP_WORDS.issuperset(words))
