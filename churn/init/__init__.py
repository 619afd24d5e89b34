"""A first params.yaml, guessed from what a source's tables are called, hold and look like."""
