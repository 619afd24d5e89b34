"""What was tried for the models on cutoffs before any test: `python -m benchmarks.tried`."""
