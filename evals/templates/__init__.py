"""Templates of the pages that the suites' results are shown in."""
