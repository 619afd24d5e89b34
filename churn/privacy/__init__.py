"""Erase a customer from everything that this program wrote, and prove it by a search."""
