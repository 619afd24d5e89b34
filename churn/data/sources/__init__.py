"""Sources: files, databases and Spark tables, read as Arrow; a module for each kind."""
