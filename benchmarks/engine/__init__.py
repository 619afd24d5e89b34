"""How fast signals come, beside the limit and everybody else's way of computing the same."""
