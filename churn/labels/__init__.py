"""Labels: who left in the window after a cutoff, and when that is known."""
