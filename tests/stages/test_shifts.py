"""Probability shift: against what a training says of itself, and an adapter that does nothing."""

import numpy as np
import pandas as pd
import pytest
from helpers.dpo import RECIPE, SMALL, pairs_of

from cliff_tokens import tables
from cliff_tokens.stages import shifts, training

PAIRS = pairs_of()
HELD_OUT = PAIRS[PAIRS["split"].eq("held_out")]


def traces_of(pairs: pd.DataFrame) -> pd.DataFrame:
    """The traces that pairs are of: one token asks, the others answer, as far as pairs reach."""
    longest = pairs.loc[pairs.groupby("trace_id")["t"].idxmax()]
    parts = {"prompt_ids": slice(None, 1), "token_ids": slice(1, None)}
    lists = {name: [ids[part] for ids in longest["prompt_ids"]] for name, part in parts.items()}
    return longest[["trace_id"]].assign(**lists)


def cliffs_of(pairs: pd.DataFrame) -> pd.DataFrame:
    """A cliff for each pair; of the prefix of t - 1 tokens the first is the prompt."""
    columns = ["cliff_id", "trace_id"]
    return pairs[columns].assign(
        dataset="d", problem_id=pairs["trace_id"].str.split("/").str[2], kind="uncertain",
        t=pairs["t"] - 1, token_id=pairs["rejected_ids"].str[0],
    )  # fmt: skip


TRACES, PROBES = traces_of(HELD_OUT), shifts.list_probes(cliffs_of(HELD_OUT), HELD_OUT)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two adapters, the second of which had no pairs, and the history of the first."""
    folder = tmp_path_factory.mktemp("adapters")
    one, none = folder / "seed-1", folder / "seed-2"
    history = training.train(PAIRS, SMALL, "all", RECIPE, 1, one, {})
    training.train(PAIRS[:0], SMALL, "all", RECIPE, 2, none, {})
    return one, none, history


def test_probes_are_the_cliff_token_and_each_that_is_preferred_to_it():
    cliffs = cliffs_of(HELD_OUT.iloc[:2])
    pairs = pd.concat([HELD_OUT.iloc[:1], HELD_OUT.iloc[:1].assign(chosen_ids=[[5]])])
    probes = shifts.list_probes(cliffs, pairs)
    assert probes.groupby("cliff_id")["role"].agg(sorted).to_dict() == {
        cliffs["cliff_id"].iloc[0]: ["chosen", "chosen", "cliff"],
        cliffs["cliff_id"].iloc[1]: ["cliff"],  # nothing is preferred to it
    }
    assert 5 in probes.loc[probes["role"].eq("chosen"), "token_id"].tolist()


def test_shifts_are_those_that_the_training_logs_of_its_held_out_pairs(trained, tmp_path):
    one, none, history = trained
    found = shifts.measure(PROBES, TRACES, SMALL, {("all", 1): one, ("all", 2): none})
    logged = history[history["split"].eq("held_out")].sort_values("step")
    of_one = found[found["seed"].eq(1)]
    for role, name in (("cliff", "logp_rejected"), ("chosen", "logp_chosen")):
        means = of_one.loc[of_one["role"].eq(role), ["before", "after"]].mean()
        assert means["before"] == pytest.approx(logged[name].iloc[0], abs=1e-5)
        assert means["after"] == pytest.approx(logged[name].iloc[-1], abs=1e-5)
    assert (of_one["after"] - of_one["before"]).abs().max() > 0.01
    tables.write(found, tmp_path / "shifts.parquet", "shifts", {})
    assert len(tables.read(tmp_path / "shifts.parquet", "shifts")) == 2 * len(PROBES)


def test_an_adapter_that_learned_nothing_shifts_nothing_after_one_that_did(trained):
    one, none, _ = trained
    both = shifts.measure(PROBES, TRACES, SMALL, {("all", 1): one, ("all", 2): none})
    untrained = both[both["seed"].eq(2)]
    assert np.array_equal(untrained["after"], untrained["before"])
    turned = shifts.measure(PROBES, TRACES, SMALL, {("all", 2): none, ("all", 1): one})
    keys = ["seed", "cliff_id", "token_id"]
    pd.testing.assert_frame_equal(
        both.sort_values(keys, ignore_index=True), turned.sort_values(keys, ignore_index=True)
    )
