"""Files of ours that outlive a process: stores, locks, private files."""
