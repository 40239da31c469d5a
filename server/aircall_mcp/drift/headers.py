"""Headers of an answer: described ones and unknown ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from .rules import Broken

_OF_THE_WAY = frozenset(
    (
        "accept-ranges", "access-control-allow-credentials", "access-control-allow-headers",
        "access-control-allow-methods", "access-control-allow-origin",
        "access-control-expose-headers", "access-control-max-age", "age", "alt-svc",
        "apigw-requestid",
        "cache-control", "connection", "content-encoding", "content-language", "content-length",
        "content-security-policy", "content-type", "cross-origin-opener-policy",
        "cross-origin-resource-policy", "date", "etag", "expect-ct", "expires", "keep-alive",
        "last-modified", "nel", "permissions-policy", "pragma", "referrer-policy", "report-to",
        "server", "server-timing", "set-cookie", "strict-transport-security", "transfer-encoding",
        "vary", "via", "x-cache", "x-content-type-options", "x-dns-prefetch-control",
        "x-download-options", "x-frame-options", "x-permitted-cross-domain-policies",
        "x-aircall-sandbox", "x-powered-by", "x-request-id", "x-runtime", "x-xss-protection",
    )
)  # fmt: skip
"""What servers and networks say whatever is asked, and our sandbox: nothing of it is Aircall's
API."""
_ALSO = ("x-amz-", "x-amzn-", "cf-", "x-datadog-", "x-envoy-")
_TYPES = frozenset(
    ("application/octet-stream", "application/vnd.api+json", "application/xml", "text/html",
     "text/plain", "text/xml")
)  # fmt: skip
"""Other types that may be named: they tell nothing of anybody."""


def of(headers: Mapping[str, str], response: Mapping[str, Any]) -> Iterator[Broken]:
    """What differs: the header, what the description says, what was seen."""
    told = {name.lower(): value for name, value in headers.items()}
    described = {name.lower() for name in cast("Mapping[str, Any]", response.get("headers", {}))}
    if "application/json" in response.get("content", {}):
        kind = told.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            seen = kind if kind in _TYPES else "another" if kind else "none"
            yield "content-type", "application/json", seen
    for name in sorted(described - told.keys()):
        yield name, "there", "not there"
    for name in sorted(told.keys() - described - _OF_THE_WAY):
        if not name.startswith(_ALSO):
            yield name, "not there", "a number" if told[name].strip().isdigit() else "text"
