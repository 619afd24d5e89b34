"""What happened: tables, sources, the store, and a demo company."""
