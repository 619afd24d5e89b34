"""The signals, in one file for each table; the program finds every file in this folder."""
