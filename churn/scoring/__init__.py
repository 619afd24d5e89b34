"""Scoring: compute reasons, health bands and plays from probabilities, and write the files of a night."""
