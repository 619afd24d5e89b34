"""Databases that take a night over: a module for each kind of database, and the tables of a night."""
