"""Specifications: a signature, a docstring and examples, for which there is no program yet."""
