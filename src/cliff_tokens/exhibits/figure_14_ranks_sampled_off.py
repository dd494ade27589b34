"""Figure 14: rank of sampled-off cliff tokens in the source and in the evaluator."""

from cliff_tokens.exhibits.ranks import draw, values

__all__ = ["draw", "values"]
