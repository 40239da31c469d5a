"""Tools shaped like a task: one wish, one call, made of operations."""
