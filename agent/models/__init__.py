"""Talking to language models: where they are, what they cost, and one streaming call."""
