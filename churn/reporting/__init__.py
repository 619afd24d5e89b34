"""Looking: what a night and a model look like to people."""
