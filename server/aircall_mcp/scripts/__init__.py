"""Small programs of a model over the tools: they read and reckon, and what they would do becomes a
plan."""

from .interpreter import Interpreter, Limits
from .scripts import Scripts

__all__ = ["Interpreter", "Limits", "Scripts"]
