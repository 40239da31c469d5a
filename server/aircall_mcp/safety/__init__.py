"""What keeps effects in hand: the emergency brake."""

from .brake import RESUME, Brake, Pulled

__all__ = ["RESUME", "Brake", "Pulled"]
