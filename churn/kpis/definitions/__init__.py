"""The definitions of all figures, one file for each group of figures."""
