"""The page that a team opens each morning; each section is a module, and `page.py` joins the sections into
one file.
"""
