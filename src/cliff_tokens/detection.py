"""Cliffs in counts of any model and tool, by the published rule: no model, no workflow.

    from cliff_tokens.detection import detect_counts
    cliffs = detect_counts(pd.read_csv("counts.csv"))

The command ``cliff-tokens detect`` does the same (docs/own_counts.md).
"""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd

from cliff_tokens.own_counts import CountsError, check_counts
from cliff_tokens.stages.cliff_test import CliffTest, flag_probability
from cliff_tokens.stages.drops import estimate_drops, pair_counts
from cliff_tokens.statistics import difference_interval, fisher_p, wilson
from cliff_tokens.terminal import align

ENDINGS = (".csv", ".parquet", ".json")


def detect_counts(
    counts: pd.DataFrame, margin: float = 0.1, z: float = 1.645, confidence: float = 0.95
) -> pd.DataFrame:
    """The cliffs in the counts: the rows of ``measure_drops`` that the rule flags."""
    return keep_cliffs(measure_drops(counts, margin, z, confidence))


def measure_drops(
    counts: pd.DataFrame, margin: float = 0.1, z: float = 1.645, confidence: float = 0.95
) -> pd.DataFrame:
    """Every token that can be tested: trace, t, token, its drop, and whether it is a cliff.

    ``before`` and ``after`` are the potential on both sides of token t, the one that follows prefix
    t - 1; after the last token that is the verdict, without which the last token is not tested.
    ``p_exact`` is Fisher's, of a potential that did not fall. ``chance`` is the probability of a
    flag if the token changed nothing: the sum over the rows is the number of flags to expect by
    chance. With q, no drop can exceed ``bound`` = 1 - q, and a cliff is ``possible`` where that is
    above the margin.

    Args:
        counts: a row for each prefix: trace, t, successes, rollouts; token, verdict, q if known.
        margin: the drop that is no cliff yet.
        z: how many standard errors more than that a cliff falls.
        confidence: of the drop's interval, ``drop_low`` to ``drop_high``.
    """
    check_settings(margin, z, confidence)
    test, counts = CliffTest(margin, z), check_counts(counts)
    judged = "verdict" in counts
    correct = counts["verdict"].eq("correct") if judged else pd.Series(False, counts.index)
    pairs = pair_counts(counts.rename(columns={"trace": "trace_id"}), correct.to_numpy())
    pairs = estimate_drops(pairs)
    tested = np.full(len(pairs), judged) | ~pairs["last"].to_numpy()
    counts, pairs = counts[tested], pairs[tested]
    before, after, last = pairs["before"], pairs["after"], pairs["last"]
    sums = pairs[["successes_before", "rollouts_before", "successes_after", "rollouts_after"]]
    successes, rollouts, successes_after, rollouts_after = sums.to_numpy().T
    drops = counts[["trace"]].assign(t=pairs["t"])
    if "token" in counts:
        drops["token"] = counts["token"]
    drops = drops.assign(before=before, after=after, drop=before - after)
    drops["threshold"] = test.threshold(pairs["drop_se"])
    # The verdict is known.
    ends = [
        np.where(last, after, end) for end in wilson(successes_after, rollouts_after, confidence)
    ]
    drops["drop_low"], drops["drop_high"] = difference_interval(
        (before, *wilson(successes, rollouts, confidence)), (after, *ends)
    )
    drops["p_exact"] = fisher_p(successes, successes_after, rollouts, rollouts_after)
    if "q" in counts:
        drops["bound"] = 1 - counts["q"]
        drops["possible"] = drops["bound"] > margin
    # If nothing changed at the last token, all rollouts before it agree with the verdict.
    chance = flag_probability(test, successes + successes_after, rollouts, rollouts_after)
    drops["chance"] = np.where(last, 0.0, chance)
    drops["cliff"] = test.flags(drops["drop"], pairs["drop_se"])
    drops.attrs.clear()
    return drops.reset_index(drop=True)


def keep_cliffs(drops: pd.DataFrame) -> pd.DataFrame:
    """The rows that are cliffs, without what is summed over all tokens or true of every row."""
    return drops[drops["cliff"]].drop(columns=["chance", "cliff"]).reset_index(drop=True)


def check_settings(margin: float, z: float, confidence: float) -> None:
    """Refuse settings that the rule has no meaning for."""
    if not 0 <= margin < 1:
        raise CountsError(f"margin: found {margin:g}; expected a drop in [0, 1)")
    if not 0 <= z < np.inf:
        raise CountsError(f"z: found {z:g}; expected a critical value from 0, as 1.645")
    if not 0 < confidence < 1:
        raise CountsError(f"confidence: found {confidence:g}; expected a probability in (0, 1)")


def check_output(path: str | Path, counts: str | Path) -> None:
    """Refuse a file that cliffs cannot be written to, before anything is computed."""
    path = Path(path)
    if path.suffix.lower() not in ENDINGS:
        raise CountsError(
            f"{path}: found a file that ends in {path.suffix or path.name!r}; expected "
            f"{', '.join(ENDINGS)}"
        )
    if not path.parent.is_dir():
        raise CountsError(f"{path}: no such folder as {path.parent}; make it first")
    if path.exists() and path.samefile(counts):
        raise CountsError(f"{path}: holds the counts; expected another file for the cliffs")


def summarize(drops: pd.DataFrame, settings: dict[str, float]) -> dict:
    """What was tested and found, ready to be written as JSON."""
    cliffs = keep_cliffs(drops)
    summary = {
        **settings,
        "traces": int(drops["trace"].nunique()),
        "tokens_tested": len(drops),
        "expected_by_chance": float(drops["chance"].sum()),
    }
    if "possible" in drops:
        summary["impossible"] = int((~cliffs["possible"]).sum())
    return {**summary, "cliffs": cliffs.astype(object).to_dict("records")}


def write_cliffs(summary: dict, cliffs: pd.DataFrame, path: str | Path) -> None:
    """Write the cliffs as csv or parquet, or the whole summary as JSON, by the file's ending."""
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        if path.suffix.lower() == ".csv":
            cliffs.to_csv(unfinished, index=False, lineterminator="\n")
        elif path.suffix.lower() == ".parquet":
            cliffs.to_parquet(unfinished, index=False)
        else:
            unfinished.write_text(
                json.dumps(summary, indent=1, allow_nan=False) + "\n", encoding="utf-8"
            )
        os.replace(unfinished, path)
    except OSError as error:
        raise CountsError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        unfinished.unlink(missing_ok=True)


def describe(summary: dict) -> str:
    """The cliffs as a table, and what to make of their number."""
    cliffs, chance = summary["cliffs"], summary["expected_by_chance"]
    lines = _table(cliffs, summary["confidence"]) if cliffs else []
    lines.append(
        f"{_counted(len(cliffs), 'cliff')} among {_counted(summary['tokens_tested'], 'token')} "
        f"of {_counted(summary['traces'], 'trace')}: drops of more than {summary['margin']:g} by "
        f"{summary['z']:g} standard errors"
    )
    lines.append(f"{chance:.2f} flags are to be expected by chance if no token changed anything")
    if summary.get("impossible"):
        lines.append(
            f"{summary['impossible']} of the cliffs cannot be: no drop exceeds 1 - q, and that is "
            f"at most {summary['margin']:g}"
        )
    return "\n".join(lines)


def _table(cliffs: list[dict], confidence: float) -> list[str]:
    rows = []
    for cliff in cliffs:
        trace = str(cliff["trace"])
        row = {"trace": trace if trace.isprintable() else repr(trace), "t": str(cliff["t"])}
        if "token" in cliff:
            row["token"] = repr(cliff["token"])
        row |= {name: f"{cliff[name]:.3f}" for name in ("before", "after", "drop", "threshold")}
        interval = f"[{cliff['drop_low']:.3f}, {cliff['drop_high']:.3f}]"
        row |= {f"{confidence * 100:g}% interval": interval, "p": f"{cliff['p_exact']:.2g}"}
        if "bound" in cliff:
            possible = "yes" if cliff["possible"] else "no"
            row |= {"1 - q": f"{cliff['bound']:.3f}", "possible": possible}
        rows.append(row)
    return [*align(rows, left={"trace", "token"}), ""]


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
