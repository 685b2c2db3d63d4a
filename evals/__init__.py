"""How good it all is: suites of problems, and what counts as solved and as faster."""
