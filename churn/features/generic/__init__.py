"""Generic signals: families that any event table can be given, one file each, found by themselves.

Which table has which families is said in `signals.generic` of params.yaml.
"""
