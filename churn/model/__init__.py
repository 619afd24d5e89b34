"""The trained model: its scorer, its bundle (the folder of its files) and its registry."""
