"""Mutated inputs of every kind, and what the verbs answer to them."""
