"""The engine: from the store to the values of signals at each cutoff."""
