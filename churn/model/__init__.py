"""The model between training and the night: the scorer, the bundle and the registry."""
