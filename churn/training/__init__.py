"""Learning from labelled snapshots: how to split, fit, select and calibrate models."""
