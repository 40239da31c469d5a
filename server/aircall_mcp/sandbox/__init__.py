"""The small Aircall: an ASGI app with state, both error layers, rate limits and OAuth."""

from .app import Arrival, Sandbox
from .world import Pace, World

__all__ = ["Arrival", "Pace", "Sandbox", "World"]
