"""Write the digest of the Dockerfile's base image into it, as its registry says it today.

    make pin

A tag moves, a digest does not: the next build takes this very image, or none.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

DOCKERFILE = Path(__file__).resolve().parents[1] / "Dockerfile"
BASE = re.compile(r"^FROM (?P<name>[\w./-]+):(?P<tag>[\w.-]+)\$\{DIGEST\}", re.MULTILINE)
LINE = re.compile(r'^ARG DIGEST=".*"$', re.MULTILINE)
KINDS = ", ".join((
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
))  # fmt: skip
"""An index of all platforms: the digest is for every machine."""
REGISTRY = "https://registry-1.docker.io"
SECONDS = 30


class NotPinned(Exception):
    """Why there is no digest, in words."""


def fetched(url: str, token: str = "", /) -> bytes:
    """What is there; raises `HTTPError`, of which 401 says where a token is to be had."""
    request = urllib.request.Request(
        url, headers={"Accept": KINDS} if token or "/v2/" in url else {}
    )
    if token:
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        return answer.read(1 << 22)


def token_for(challenge: str) -> str:
    """A token for anybody, from where the registry's 401 points."""
    said = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    if not said.get("realm"):
        raise NotPinned("the registry wants a login of a kind that is not known here")
    query = urllib.parse.urlencode({k: said[k] for k in ("service", "scope") if k in said})
    answer = json.loads(fetched(f"{said['realm']}?{query}"))
    return str(answer.get("token") or answer.get("access_token") or "")


def digest_of(name: str, tag: str, registry: str = REGISTRY) -> str:
    """`sha256:…` of the index that `name:tag` stands for, counted here and not taken on trust."""
    path = name if "/" in name else f"library/{name}"
    url = f"{registry}/v2/{path}/manifests/{tag}"
    try:
        try:
            index = fetched(url)
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 401:
                    raise
                index = fetched(url, token_for(error.headers.get("WWW-Authenticate", "")))
    except (OSError, ValueError) as error:
        raise NotPinned(f"the registry of {name}:{tag} gives no answer ({error})") from None
    try:
        platforms = json.loads(index)["manifests"]
    except (ValueError, TypeError, KeyError):
        raise NotPinned(f"what the registry gives for {name}:{tag} is no index") from None
    if not platforms:
        raise NotPinned(f"the index of {name}:{tag} is empty")
    return f"sha256:{hashlib.sha256(index).hexdigest()}"


def pinned(dockerfile: str, registry: str = REGISTRY) -> str:
    """`dockerfile` with the digest of the base that its stages share."""
    bases = {found.groups() for found in BASE.finditer(dockerfile)}
    if len(bases) != 1 or len(LINE.findall(dockerfile)) != 1:
        raise NotPinned("the Dockerfile has not one base with one ARG DIGEST")
    ((name, tag),) = bases
    return LINE.sub(f'ARG DIGEST="@{digest_of(name, tag, registry)}"', dockerfile)


def main(dockerfile: Path = DOCKERFILE, registry: str = REGISTRY) -> int:
    before = dockerfile.read_text("utf-8")
    try:
        after = pinned(before, registry)
    except NotPinned as why:
        print(f"Not pinned: {why}. The Dockerfile is as it was.", file=sys.stderr)
        return 1
    dockerfile.write_text(after, "utf-8")
    print("As it was." if after == before else f"Pinned: {LINE.findall(after)[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
