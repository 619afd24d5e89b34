"""What is carried from training to the night: the scorer, the bundle and the registry."""
