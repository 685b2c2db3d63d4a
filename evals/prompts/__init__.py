"""Prompt templates of the suites."""
