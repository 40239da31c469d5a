"""One wish in many spellings: what a model, a client and an attacker would write, and none of which
makes it another. `Random` comes from a seed, or from a property test."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from phonenumbers import is_valid_number, parse

LINE = 88012
"""The number that all of them name; a second one is `LINE + 2`."""

_SPACES = (" ", "  ", "\u00a0", "\u2009", "\n", "\t", " \u200b")
_UNSEEN = ("\u200b", "\u200d", "\u00ad", "\u2060", "\ufeff", "\ufe0f", "\u202a", "\u3164", "\u180e")


@dataclass(frozen=True)
class Meaning:
    """What somebody wants: to say `text` to all of `people`, or to ring one, where it is None."""

    people: Sequence[str]
    text: str | None = None


def spellings(meaning: Meaning, random: Random) -> tuple[str, dict[str, Any]]:
    """An operation and arguments that say `meaning`: some are refused for their form."""
    if meaning.text is None:
        return _dialled(meaning.people[0], random)
    text = text_like(meaning.text, random)
    if len(meaning.people) > 1 or random.random() < 0.2:
        to = [
            phone_like(one, random)
            for one in meaning.people
            for _ in range(random.choice((1, 1, 2)))
        ]
        random.shuffle(to)
        name = random.choice(("send_group_message", "send_group_message_in_conversation"))
        return name, _dressed(
            {"number_id": _line(random), "participants": to, "body": text}, name, random
        )
    to = phone_like(meaning.people[0], random)
    name = random.choice((
        "send_message", "send_message_in_conversation", "send_whatsapp_message",
        "send_whatsapp_in_conversation",
    ))  # fmt: skip
    if "whatsapp" in name:
        key = "externalNumber" if name.endswith("conversation") else "to"
        return name, _dressed({"lineId": _line(random), key: to, "text": text}, name, random)
    return name, _dressed({"number_id": _line(random), "to": to, "body": text}, name, random)


def plain(meaning: Meaning) -> tuple[str, dict[str, Any]]:
    """The same as everybody would write it."""
    if meaning.text is None:
        return "start_outbound_call", {"user_id": 1, "number_id": LINE, "to": meaning.people[0]}
    if len(meaning.people) > 1:
        told: dict[str, Any] = {"participants": list(meaning.people), "body": meaning.text}
        return "send_group_message", {"number_id": LINE, **told}
    return "send_message", {"number_id": LINE, "to": meaning.people[0], "body": meaning.text}


def another(meaning: Meaning, random: Random) -> Meaning:
    """Somebody else, one more or one fewer, or other words."""
    stranger = f"+3361{random.randrange(10**7):07}"
    if meaning.text is not None and random.random() < 0.5:
        word = random.choice(("now", "no", "9", "!", "?", "ä", "\u2764"))
        before = random.random() < 0.5
        return replace(
            meaning, text=f"{word} {meaning.text}" if before else f"{meaning.text}{word}"
        )
    if len(meaning.people) > 2 and random.random() < 0.3:
        return replace(meaning, people=meaning.people[1:])
    if meaning.text is not None and random.random() < 0.3:
        return replace(meaning, people=(*meaning.people, stranger))
    return replace(meaning, people=(stranger, *meaning.people[1:]))


def text_like(text: str, random: Random) -> str:
    """What a person takes for the same words."""
    for _ in range(random.randint(0, 3)):
        match random.randrange(9):
            case 0:
                other = random.choice((text.upper(), text.lower(), text.swapcase()))
                # A dotless i, for one, comes back from upper case as another letter.
                text = other if other.casefold() == text.casefold() else text
            case 1:
                text = "".join(random.choice(_SPACES) if c.isspace() else c for c in text)
            case 2:
                text = random.choice(_SPACES) + text + random.choice(_SPACES)
            case 3:
                at = random.randint(0, len(text))
                text = text[:at] + random.choice(_UNSEEN) + text[at:]
            case 4:
                text = unicodedata.normalize(random.choice(("NFD", "NFKD", "NFC")), text)
            case 5:
                wide = {ord(c): ord(c) + 0xFEE0 for c in "abcxyzABC0123!?"}
                text = text.translate(wide)
            case 6:
                text = text.translate({ord("'"): "\u2019", ord('"'): "\u201d", ord("-"): "\u2011"})
            case 7:
                text = re.sub(r"\s*([!?,:;.-])\s*", r" \1 ", text).replace("'", "\u00b4")
            case _:
                text = text.replace("fi", "\ufb01")
    return text


def phone_like(number: str, random: Random) -> Any:
    """What Aircall could read as this E.164 number; `00`, other digits and marks are refused."""
    digits = number[1:]
    match random.randrange(10):
        case 0:
            return int(digits)
        case 1:
            return f"+{digits[:2]}{random.choice((' ', '-', '.', chr(0xA0)))}{digits[2:]}"
        case 2:
            return f" (+{digits[:2]}) {digits[2:5]}-{digits[5:]} "
        case 3 if digits.startswith("33"):
            return f"+33 (0){digits[2:]}"
        case 4 if digits.startswith("33"):
            return f"+330{digits[2:]}"
        case 5:
            return random.choice(
                (f"00{digits}", digits, f"\uff0b{digits}", f"\u202a{number}\u202c")
            )
        case 6:
            return "+" + "".join(chr(0x660 + int(c)) for c in digits)
        case 7 if is_valid_number(parse(number)):
            return f"{number}{random.randrange(10 ** random.randint(1, 3))}"  # rings all the same
        case _:
            return number


def _dialled(person: str, random: Random) -> tuple[str, dict[str, Any]]:
    to, user = phone_like(person, random), random.choice((1, "1", "001", 1.0, 2))
    match random.randrange(3):
        case 0:
            return "start_outbound_call", {"user_id": user, "number_id": _line(random), "to": to}
        case 1:
            return "dial_number_in_workspace", {"user_id": user, "to": to}
        case _:
            key = {"idempotency_key": f"key-{random.randrange(10**9)}"}
            nothing: dict[str, Any] = {}
            more = random.choice((nothing, {"context": nothing}, {"expiration_seconds": 90}))
            return "trigger_ai_voice_agent_call", {
                "agent_id": random.choice(("agent-7f3c", " agent-7f3c")), "contact_phone": to,
                **key, **more,
            }  # fmt: skip


def _line(random: Random) -> Any:
    return random.choice((LINE, str(LINE), f"00{LINE}", float(LINE), f" {LINE} ", LINE + 2))


def _dressed(arguments: dict[str, Any], name: str, random: Random) -> dict[str, Any]:
    """With what says nothing to whom it reaches."""
    if random.random() < 0.3:
        arguments["detail"] = random.choice(("concise", "full", None))
    if name in ("send_message", "send_message_in_conversation") and random.random() < 0.4:
        arguments["mediaUrl"] = random.choice(([], None, "[]", ""))
    if name.endswith("in_conversation") and "whatsapp" not in name and random.random() < 0.4:
        arguments["user_id"] = random.choice((1, "007", None, ""))
    names = list(arguments)
    random.shuffle(names)
    return {one: arguments[one] for one in names}
