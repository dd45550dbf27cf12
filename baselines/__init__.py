"""The built-in generators: one file a method, registered through entry points like anybody's."""
