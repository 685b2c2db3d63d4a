"""Inverse rules for C++, found by name."""
