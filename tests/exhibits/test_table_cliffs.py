"""The table with a line for each cliff."""

import numpy as np
from helpers.exhibits import cell, values


def test_every_cliff_has_a_line_in_the_order_of_models_data_sets_and_traces(given):
    frame = values("table_cliffs", given)
    assert sorted(frame["cliff_id"]) == sorted(given["cliffs"]["cliff_id"])
    order = {name: place for place, name in enumerate(given["models"])}
    places = [order[name] for name in frame["model"]]
    assert places == sorted(places)


def test_a_line_says_what_the_tables_say_of_the_cliff(given):
    frame = values("table_cliffs", given)
    for cliff in given["cliffs"].head(5).itertuples():
        row = cell(frame, cliff_id=cliff.cliff_id)
        assert (row["before"], row["after"], row["t"]) == (cliff.before, cliff.after, cliff.t)
        assert row["q"] == cliff.sampler_probability
        tokens = given["tokens"][given["tokens"]["trace_id"].eq(cliff.trace_id)]
        assert row["length"] == len(tokens)
        own = tokens.loc[tokens["t"].eq(cliff.t), "token"].item()
        assert f"»{own}«".replace("\n", "\\n") in row["context"]
        arms = given["resampling"].set_index(["cliff_id", "arm"])
        counts = [arms.loc[(cliff.cliff_id, arm), "successes"] for arm in ("del", "keep")]
        rollouts = arms.loc[(cliff.cliff_id, "del"), "rollouts"]
        assert np.isclose(row["fresh_drop"], (counts[0] - counts[1]) / rollouts)


def test_letters_that_cannot_be_seen_are_written_out(given):
    tokens = given["tokens"].assign(token="\u202e<b>\x00")
    contexts = values("table_cliffs", given, tokens=tokens)["context"]
    assert contexts.str.contains("\\u202e<b>\\x00", regex=False).all()
    assert not contexts.str.contains("\u202e").any()


def test_a_run_without_cliffs_has_no_line_and_all_columns(given, quiet):
    assert list(values("table_cliffs", quiet)) == list(values("table_cliffs", given))
    assert values("table_cliffs", quiet).empty
