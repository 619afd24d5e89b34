"""The cost of a training by rows and columns."""
