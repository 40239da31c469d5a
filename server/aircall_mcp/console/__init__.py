"""Pages for people, on the loopback address: what waits for their yes."""

from .console import Console

__all__ = ["Console"]
