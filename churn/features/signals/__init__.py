"""The signals, one file per table; every file here is found by itself."""
