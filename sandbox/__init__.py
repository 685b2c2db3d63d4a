"""How to run a program that nobody trusts, and what its run proves: isolation, checks, clocks, profiles."""
