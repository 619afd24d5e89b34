"""Learning from labelled snapshots: split, fit, select and calibrate."""
