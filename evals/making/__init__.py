"""Pairs from programs: what is held against a base, in lanes, and kept as runs."""
