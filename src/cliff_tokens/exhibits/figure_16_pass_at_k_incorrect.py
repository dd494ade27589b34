"""Figure 16: pass@k with the cliff token deleted and kept, on incorrect traces."""

from cliff_tokens.exhibits.pass_at_k import draw, values

__all__ = ["draw", "values"]
