"""Evaluation: the predictions of every model for the test cutoffs, and all figures that are measured on these
predictions.
"""
