"""The view language: what a signal may ask of a table, and what each verb computes."""
