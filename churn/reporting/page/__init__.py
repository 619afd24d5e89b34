"""The page that a team opens each morning: a section a module, joined to one file by `page.py`."""
