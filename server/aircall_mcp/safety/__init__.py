"""What keeps effects under control: policy, approvals, caps, and the emergency brake."""

from .brake import RESUME, Brake, Pulled

__all__ = ["RESUME", "Brake", "Pulled"]
