"""How each framework represents tools: one small file for each, imported when it is used."""
