"""Hand results over: the rows of each night to a database, and planned contacts to other systems."""
