"""Fixed drops beside the published rule."""

from helpers.exhibits import values

from cliff_tokens.exhibits.table_fixed_thresholds import PUBLISHED


def test_the_published_rule_flags_the_catalogue_and_fixed_drops_nest(given):
    frame = values("table_fixed_thresholds", given)
    published = frame[frame["rule"].eq(PUBLISHED)]
    assert published["flags"].sum() == len(given["cliffs"])
    assert published["flagged"].sum() == given["cliffs"]["trace_id"].nunique()
    fixed = frame[frame["drop"].notna()].groupby("drop")["flags"].sum()
    assert fixed.index.tolist() == given["drops"]
    assert fixed.is_monotonic_decreasing
