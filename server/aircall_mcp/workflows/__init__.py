"""Tools for whole tasks: one tool call, made of several operations."""

from .workflows import Workflows

__all__ = ["Workflows"]
