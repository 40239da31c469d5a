"""What everything stands on: operations, callers, settings, secrets, addresses."""
