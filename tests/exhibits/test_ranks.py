"""Ranks of cliff tokens in source and evaluator: Figures 12 to 14."""

from helpers.exhibits import show, values, words

from cliff_tokens.exhibits import ranks


def test_ranks_beyond_twenty_are_pooled_and_counts_add_up(seen):
    agreement, cliffs, _ = seen
    pairs = [("s", "e")]
    beyond = ranks.values(agreement, cliffs, "sampled_off", pairs)
    assert beyond[["group", "source_rank", "rank", "count"]].to_numpy().tolist() == [
        ["cliff", 21, 21, 1]
    ]
    counted = ranks.values(agreement, cliffs, "uncertain", pairs)
    assert counted[["group", "source_rank", "rank", "count"]].to_numpy().tolist() == [
        ["cliff", 1, 1, 1],
        ["cliff", 1, 3, 1],
        ["control", 1, 1, 2],
    ]
    assert ranks.values(agreement, cliffs, "uncertain", [("e", "s")]).empty


def test_counts_are_written_in_their_cells_and_pooled_beyond_five(given):
    assert given["pairs"][1] == ("small", "large")
    frame, figure = show("figure_14_ranks_sampled_off", given, kind="sampled_off")
    pair = frame[frame["source"].eq("small") & frame["group"].eq("cliff")]
    written = [int(text.get_text()) for text in figure.axes[1].texts]
    assert sum(written) == pair["count"].sum()
    assert max(written) >= pair["count"].max()
    labels = [label.get_text() for label in figure.axes[-1].get_xticklabels()]
    assert {"1", "2", "≤10", "≤20", ">20"} >= set(labels) - {"3", "4", "5"}
    first = pair.loc[pair["rank"].eq(1), "count"].sum()
    assert f"cliffs: {first} of {pair['count'].sum()} rank first" in figure.axes[1].get_title()


def test_a_run_that_compares_no_models_is_drawn(quiet):
    _, figure = show("figure_13_ranks_uncertain", quiet, kind="uncertain", pairs=[])
    assert "no pair of models\nis compared" in words(figure)
    assert values("ranks", quiet, kind="uncertain").empty
