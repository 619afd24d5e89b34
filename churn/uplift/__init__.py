"""Whom a contact helps: a model of each customer's own effect, used only where it proves to be better."""
