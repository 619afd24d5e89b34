"""The engine computes the values of signals at each cutoff from the rows of the store."""
