"""Read sources as Arrow: files, databases and Spark tables; there is a module for each kind."""
