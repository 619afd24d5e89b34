"""Other ways to compute the same cells; each module has the functions `supports` and `cells`."""
