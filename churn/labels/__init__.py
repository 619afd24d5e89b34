"""Labels: the customers who left in the window after a cutoff, and the date on which this is known."""
