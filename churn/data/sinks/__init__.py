"""Databases that receive a night's scores: a module for each kind of database, and the tables of a night."""
