"""Generic signals: families that any event table can have, one file each; the program finds the files.

`signals.generic` of params.yaml says which table has which families.
"""
