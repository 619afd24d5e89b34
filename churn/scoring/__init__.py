"""Acting: from probabilities to reasons, bands, plays and the files of a night."""
