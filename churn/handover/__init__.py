"""How results leave the company's own files: nights for a database, and planned contacts for other
systems.
"""
