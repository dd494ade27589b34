"""Cliff tokens: single tokens at which a chain of mathematical reasoning tips into failure."""

__version__ = "0.1.0"
