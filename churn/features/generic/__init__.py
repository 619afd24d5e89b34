"""Generic signals: families of signals that any event table can have.

Each file of this folder is a family of generic signals, and the program finds the file by itself.
`signals.generic` in params.yaml lists the families of each table.
"""
