"""Generic signals: families that any event table can have. Each file is a family; the program finds it.

`signals.generic` in params.yaml lists the families of each table.
"""
