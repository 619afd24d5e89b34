"""Learning from labelled snapshots: split, fit, calibrate, judge."""
