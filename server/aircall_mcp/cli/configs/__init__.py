"""The config files of MCP clients: where they lie, what they hold, how ours goes in and out."""
