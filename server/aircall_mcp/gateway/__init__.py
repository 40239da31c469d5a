"""Perform an operation at Aircall: a chain of links, each with one concern."""
