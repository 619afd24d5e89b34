"""The view language: the verbs that a signal may call on a table, and the computation of each verb."""
