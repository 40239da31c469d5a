"""What each framework calls a tool: one small file a framework, imported when it is asked for."""
