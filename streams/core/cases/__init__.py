"""C, the pure function from a journey to the cells it feeds, one module per kind of case."""
