"""The signals, one file per table; the program finds every file here."""
