"""What vendors take as the schema of a tool, each from its documentation."""
