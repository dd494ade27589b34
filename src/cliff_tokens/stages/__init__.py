"""What measures, in the order of the data: each stage makes a table from tables."""
