"""Open an address in the person's own browser."""

from __future__ import annotations

import subprocess
import sys
import webbrowser
from urllib.parse import urlsplit

from ..errors import CredentialError
from .secrets import LOOPBACK


def open_browser(url: str) -> bool:
    """Open `url` in the person's browser, through no shell; whether one was found.

    Only https, or loopback, and only printable ASCII is ever handed to another program.
    """
    parts = urlsplit(url)
    loopback = parts.scheme == "http" and parts.hostname in LOOPBACK
    plain = url.isascii() and url.isprintable() and not set(url) & set(" \"'`<>\\^{|}")
    if not plain or not (parts.scheme == "https" or loopback):
        raise CredentialError("That address cannot be opened in a browser.")
    try:
        if sys.platform == "darwin":  # where webbrowser would take a shell
            opened = subprocess.run(["/usr/bin/open", url], check=False)  # noqa: S603 - checked above
            return opened.returncode == 0
        return webbrowser.open(url)
    except (webbrowser.Error, OSError):
        return False
