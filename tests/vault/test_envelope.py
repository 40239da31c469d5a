"""What HashiCorp asks of its barrier, of ours."""

from __future__ import annotations

import base64
import copy
import os
import pickle
from pathlib import Path

import pytest

from aircall_mcp.vault.envelope import Damaged, Key

from ..vaults import TOKEN, filled

KEY = Key(bytes(range(32)))
FIRST_FORMAT = (
    "ASAhIiMkJSYnKCkqK6JFa+xVB/Xw+ys3lxq5dI1FF3Z55IoelhjqbCcLsoFoEufOZF+wBYvV6yz3fhzR"
    "4CwtLi8wMTIzNDU2NynfRDRYoJmYwZLnkMqZBXEdMmkfwW9Q"
)


def test_confidential(home: Path) -> None:
    filled(home).close()
    everything = b"".join(path.read_bytes() for path in home.iterdir())
    for shown in (
        TOKEN.encode(),
        base64.b64encode(TOKEN.encode())[:30],
        TOKEN.encode().hex().encode(),
    ):
        assert shown not in everything


def test_integrity() -> None:
    sealed = base64.b64decode(KEY.seal(b"a token", b"place", os.urandom))
    for index in range(len(sealed)):
        changed = bytearray(sealed)
        changed[index] ^= 1
        with pytest.raises(Damaged):
            KEY.open(base64.b64encode(changed).decode(), b"place")


def test_move() -> None:
    sealed = KEY.seal(b"a token", b"place", os.urandom)
    assert KEY.open(sealed, b"place") == b"a token"
    with pytest.raises(Damaged):
        KEY.open(sealed, b"another place")


def test_unique() -> None:
    assert len({KEY.seal(b"same", b"place", os.urandom) for _ in range(100)}) == 100


def test_key_length() -> None:
    for length in (0, 16, 31, 33):
        with pytest.raises(ValueError, match="32"):
            Key(bytes(length))


@pytest.mark.parametrize("junk", [None, 7, b"x", "", "x", "é", "AA==", "AQ==" * 40])
def test_junk_is_damaged_and_nothing_else(junk: object) -> None:
    with pytest.raises(Damaged):
        KEY.open(junk, b"place")


def test_every_truncation() -> None:
    sealed = base64.b64decode(KEY.seal(b"a token", b"place", os.urandom))
    for length in range(len(sealed)):
        with pytest.raises(Damaged):
            KEY.open(base64.b64encode(sealed[:length]).decode(), b"place")


def test_the_format_stays() -> None:
    """A record that was sealed by the first version must open for ever."""
    counter = iter(range(256))
    sealed = KEY.seal(b'{"a":1}', b"place", lambda size: bytes(next(counter) for _ in range(size)))
    assert sealed == FIRST_FORMAT
    assert KEY.open(sealed, b"place") == b'{"a":1}'


def test_a_key_does_not_show_itself() -> None:
    shown = f"{KEY} {KEY!r} {[KEY]}"
    assert KEY.text() not in shown
    assert bytes(range(32)).hex() not in shown
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            attempt(KEY)


def test_a_key_is_32_bytes_in_base64_and_nothing_else() -> None:
    text = KEY.text()
    assert Key.written(f" {text}\n") == KEY
    for other in (
        text[:-1],
        text[4:],
        text + text,
        f"{text[:8]}!{text[8:]}",
        f"{text[:8]}\n{text[8:]}",
        "",
        "é",
    ):
        with pytest.raises(ValueError, match="32 bytes in base64"):
            Key.written(other)
