"""The traps, one per file; every file here is found by itself."""
