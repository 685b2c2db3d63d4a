"""codeopt: makes slow programs faster, proves it, and learns from every run."""

__version__ = "0.1.0"
