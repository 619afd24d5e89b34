"""Write each night's scores to PostgreSQL, DuckDB or SQLite; the module `nights` fills the tables."""
