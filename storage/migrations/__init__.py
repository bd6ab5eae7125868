"""How a database gets from the version it has to the version of this program."""
