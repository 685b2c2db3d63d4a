"""How data becomes a better model."""
