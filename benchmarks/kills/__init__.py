"""Runs that are stopped at any moment, on a full disk or beside another verb, and the run after each."""
