"""Real processes, real sockets, and everything that can happen to them.

`--chaos=full` runs the long forms; without it short ones run, as in CI.
"""
