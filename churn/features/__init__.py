"""What it means: events as known at a cutoff, turned into signals."""
