"""The Model Context Protocol: the only wing that speaks it."""
