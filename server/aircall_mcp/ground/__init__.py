"""What all other packages use: operations, callers, settings, secrets, addresses."""
