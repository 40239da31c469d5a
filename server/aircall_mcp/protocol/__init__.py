"""The Model Context Protocol: the only package that speaks it."""
