"""Experiments with models, on cutoffs before any test: `python -m benchmarks.tried`."""
