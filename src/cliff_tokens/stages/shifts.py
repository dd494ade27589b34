"""Probability shift: what adapters do to tokens at cliffs that none of them was trained on.

The cliffs are those of the run's own data sets. The prefix before each is read once by the model as
it is and once with each adapter, and the cliff token and those preferred to it are looked up in
what is predicted next, over the full vocabulary. (Revised paper, Cliff-DPO.)

An adapter lies beside the weights here. Merged into them, as where answers are sampled, a small
update could be lost to rounding.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from cliff_tokens.columns import TABLES
from cliff_tokens.policies import checkpoint

CLIFF, CHOSEN = "cliff", "chosen"


def list_probes(cliffs: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """The tokens that are looked up: each cliff token, and each that a pair prefers to one.

    Columns: cliff_id, trace_id, dataset, problem_id, t, kind, ``role`` (CLIFF or CHOSEN), token_id.

    Args:
        cliffs: rows of the table.
        pairs: rows of the table, of single tokens at these cliffs; a cliff may have none.
    """
    owners = ["cliff_id", "trace_id", "dataset", "problem_id", "t", "kind"]
    rejected = cliffs[[*owners, "token_id"]].assign(role=CLIFF)
    chosen = cliffs[owners].merge(pairs[["cliff_id", "chosen_ids"]], on="cliff_id")
    chosen = chosen.assign(token_id=[ids[0] for ids in chosen.pop("chosen_ids")], role=CHOSEN)
    probes = pd.concat([rejected, chosen])
    return probes.sort_values(["trace_id", "t", "token_id"], ignore_index=True)


def measure(
    probes: pd.DataFrame,
    traces: pd.DataFrame,
    model: str,
    adapters: Mapping[tuple[str, int], str | Path],
) -> pd.DataFrame:
    """Log-probabilities of the probes before and after each training: rows of ``shifts``.

    Args:
        probes: what ``list_probes`` gives.
        traces: those that the cliffs are on.
        model: folder of the model that was trained.
        adapters: folder of each adapter by variant and seed.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        torch.set_num_threads(1)  # as the engine: equal bytes, and faster on shared cores
    loaded = checkpoint.open_model(model, device)
    before = _look_up(loaded, probes, traces)
    parts = []
    for (variant, seed), folder in adapters.items():
        tuned = checkpoint.apply_adapter(loaded, model, Path(folder)).eval()
        after = _look_up(tuned, probes, traces)
        parts.append(probes.assign(variant=variant, seed=seed, before=before, after=after))
        loaded = tuned.unload()
    columns = TABLES["shifts"].schema.names
    return pd.concat(parts, ignore_index=True)[columns]


def _look_up(model, probes: pd.DataFrame, traces: pd.DataFrame) -> np.ndarray:
    """Log-probability of each probe after the prefix of its cliff, float64 [probes]."""
    import torch

    from cliff_tokens.stages.dpo import next_logps

    by_id = {trace.trace_id: trace for trace in traces.itertuples()}
    found = pd.Series(np.nan, index=probes.index)
    for trace_id, rows in probes.groupby("trace_id"):
        prompt, tokens = by_id[trace_id].prompt_ids, by_id[trace_id].token_ids
        prefix = np.concatenate([prompt, tokens[: rows["t"].max() - 1]])
        batch = {
            "input_ids": torch.as_tensor(prefix, dtype=torch.long)[None],
            "row": torch.zeros(len(rows), dtype=torch.long),
            "last": torch.as_tensor(len(prompt) + rows["t"].to_numpy() - 2, dtype=torch.long),
        }
        with torch.no_grad():
            logps = next_logps(model, {name: x.to(model.device) for name, x in batch.items()})
        wanted = torch.as_tensor(rows["token_id"].to_numpy(), dtype=torch.long, device=logps.device)
        found[rows.index] = logps.gather(1, wanted[:, None])[:, 0].cpu().numpy()
    return found.to_numpy()
