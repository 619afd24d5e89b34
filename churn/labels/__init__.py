"""Labels say which customers left in the window after a cutoff, and from which date this is known."""
