"""The tables: their contracts, their sources, and the store that holds their rows."""
