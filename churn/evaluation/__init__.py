"""Evaluation: the predictions of every model on the test cutoffs, and everything measured on them."""
