"""Turn events, as known at a cutoff, into signals."""
