"""Pages for people, on the loopback address: pending approvals."""

from .console import Console

__all__ = ["Console"]
