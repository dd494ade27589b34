"""Figure 17: pass@k with the cliff token deleted and kept, on correct traces."""

from cliff_tokens.exhibits.pass_at_k import draw, values

__all__ = ["draw", "values"]
