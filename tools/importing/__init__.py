"""Import: files that agencies have become contributions, row by row, repeatable at will."""
