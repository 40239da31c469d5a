"""Our files that outlive a process: stores, locks, private files."""
