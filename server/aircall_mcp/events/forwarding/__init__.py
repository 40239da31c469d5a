"""Forwarding of events: to whom, by which rules, in which words, and until they have arrived."""

from .deliver import Forwarder
from .rules import Rules

__all__ = ["Forwarder", "Rules"]
