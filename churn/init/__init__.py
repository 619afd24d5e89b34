"""Draft a first params.yaml from the names, types and contents of the tables of a source."""
