"""Text files as editors save them: UTF-8, with or without a byte order mark, or UTF-16."""

from __future__ import annotations

import codecs

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def text_of(content: bytes) -> str:
    """The text, without a mark, and with lines that end in `\\n` alone.

    Raises `ValueError` that names the line which is no text.
    """
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "")
    if not encoding and b"\0" in content[:2]:  # no mark; what people write begins with ASCII
        encoding = "utf-16-le" if content[1:2] == b"\0" else "utf-16-be"
    encoding = encoding or "utf-8"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        before = content[: error.start].decode(encoding, "replace")
        raise ValueError(f"line {before.count(chr(10)) + 1} is no text in UTF-8") from None
    return text.replace("\r\n", "\n")
