"""Plans: observations that are bound to evidence, what can be made of them, and what speaks against it."""
