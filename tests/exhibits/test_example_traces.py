"""Which traces are shown, and that their cliffs are the points below the line."""

from helpers.exhibits import values

from cliff_tokens.exhibits.example_traces import choose


def test_examples_alternate_between_outcomes_and_prefer_many_kinds(given):
    traces, cliffs = given["traces"], given["cliffs"]
    chosen = choose(traces, cliffs, 4)
    verdicts = traces.set_index("trace_id")["verdict"].loc[chosen]
    assert verdicts.eq("correct").tolist() == [False, True, False, True]
    kinds = cliffs.groupby("trace_id")["kind"].nunique()
    incorrect = cliffs.query("outcome == 'incorrect'").trace_id
    assert kinds[chosen[0]] == kinds[kinds.index.isin(incorrect)].max()
    shuffled = choose(
        traces.sample(frac=1, random_state=1), cliffs.sample(frac=1, random_state=2), 4
    )
    assert shuffled == chosen


def test_example_cliffs_are_the_points_below_the_line(given):
    frame = values("example_traces", given)
    below = frame["potential"] < frame["line"] - 1e-12
    assert below.equals(frame["kind"].notna())
    ends = frame.groupby("trace_id", sort=False).tail(1)
    assert not ends["measured"].any()
    assert ends["potential"].isin([0, 1]).all()
    assert ends["potential_low"].isna().all()
