"""The quality of the answers on data with a known truth, and their speed."""
