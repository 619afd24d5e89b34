"""Whom a play may contact, when, and how the contact is handed over to other systems."""
