"""The trained model: the scorer, the bundle and the registry."""
