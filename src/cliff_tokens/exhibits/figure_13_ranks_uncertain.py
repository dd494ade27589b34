"""Figure 13: rank of uncertain cliff tokens in the source and in the evaluator."""

from cliff_tokens.exhibits.ranks import draw, values

__all__ = ["draw", "values"]
