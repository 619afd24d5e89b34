"""The traps, one per file; `trap.py` finds every file here."""
