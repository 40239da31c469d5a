"""The config files of MCP clients: where they are, what they contain, how our entry is added and
removed."""
