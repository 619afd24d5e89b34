"""Other ways of computing the same cells; each module has `can(cell)` and `cells(store, days, wanted)`."""
