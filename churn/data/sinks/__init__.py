"""Write each night's scores to a database: a module for each kind of database; `nights` fills the tables."""
