"""The claims of the paper that any run can be asked, each a reading of one csv.

A claim is registered under its function's name, by which ``config/paper_index.yaml`` lists it. The
first words of its decorator say what is measured, the others what the paper says of it.
"""

from collections.abc import Iterable
from dataclasses import replace

import pandas as pd
from scipy import stats

from cliff_tokens import statistics
from cliff_tokens.scorecard import ALL, Claim, Finding, difference, look_up

CLAIMS: dict[str, Claim] = {}


def claim(says: str, side: str, bound: float, hard: bool = False):
    """Register a function of one csv and the confidence as the claim of its own name.

    The arguments are the fields of ``Claim``.
    """

    def register(judge):
        CLAIMS[judge.__name__] = Claim(says, side, bound, judge, hard)
        return judge

    return register


def _groups(frame: pd.DataFrame, *columns: str) -> list[dict]:
    """The values that columns take together, in their order."""
    return frame[list(columns)].drop_duplicates().to_dict("records")


def _by_model(frame: pd.DataFrame) -> list[dict]:
    return [key for key in _groups(frame, "model") if key["model"] != ALL]


def _minus(frame, quantity, where, one, other, confidence) -> Finding:
    """quantity under ``one`` less quantity under ``other``, both within ``where``."""
    about = ", ".join(str(value) for value in where.values() if str(value) != ALL)
    return difference(
        look_up(frame, quantity, where | one, confidence),
        look_up(frame, quantity, where | other, confidence),
        about,
    )


def _counted(frame, quantity, of, where, confidence) -> Finding:
    """A quantity of the rows that ``where`` selects; the column ``of`` says of how many things."""
    finding = look_up(frame, quantity, where, confidence)
    count = look_up(frame, of, where, confidence).value
    return replace(finding, n=0 if pd.isna(count) else int(count))


def _by_outcome(frame, confidence) -> Iterable[Finding]:
    for key in _by_model(frame):
        rows = frame[(frame["model"] == key["model"]) & (frame["dataset"] == ALL)]
        # The same difference stands at both outcomes; n is of the rarer.
        rows = rows.assign(n=rows["n"].min())
        yield look_up(rows, "difference", key, confidence)


@claim("share of traces with a cliff, incorrect less correct", "above", 0)
def more_incorrect_traces_have_a_cliff(frame, confidence):
    return _by_outcome(frame, confidence)


@claim("cliffs per trace, incorrect less correct", "above", 0)
def incorrect_traces_hold_more_cliffs(frame, confidence):
    return _by_outcome(frame, confidence)


@claim("pass@1 of incorrect traces, cliff deleted less kept", "above", 0)
def deleting_beats_keeping(frame, confidence):
    return _deleted_less_kept(frame, confidence)


@claim("pass@1 at the first cliff of incorrect traces, deleted less kept", "above", 0)
def first_cliff_deleting_beats_keeping(frame, confidence):
    return _deleted_less_kept(frame, confidence)


def _deleted_less_kept(frame, confidence):
    at_one = frame[frame["k"] == 1]
    paired = at_one[at_one["arm"] == "del_less_keep"]
    return _by_cell(paired, "mean", confidence)


@claim("pass@k at the largest k, cliff deleted", "equals", 1)
def deletion_recovers(frame, confidence):
    return _share_at_largest_k(frame, "del", confidence)


@claim("pass@k at the largest k, cliff kept", "below", 1)
def keeping_stays_below_one(frame, confidence):
    return _share_at_largest_k(frame, "keep", confidence)


def _share_at_largest_k(frame, arm, confidence):
    # At k = rollouts pass@k is the share of cliffs with a success. Where all have one there is no
    # spread to resample, so that the interval is Wilson's, each problem counting once.
    largest = frame[(frame["k"] == frame["k"].max()) & (frame["arm"] == arm)]
    for key in _groups(largest, "model", "dataset"):
        finding = look_up(largest, "mean", key, confidence)
        problems = look_up(largest, "problems", key, confidence).value
        low, high = statistics.wilson(finding.value * problems, problems, confidence)
        yield replace(finding, low=float(low), high=float(high))


@claim("cliffs on traces that end correct, of all cliffs", "above", 0)
def traces_recover_from_cliffs(frame, confidence):
    rows = frame[frame["dataset"] == ALL]
    return [look_up(rows, "seen_correct/n", key, confidence) for key in _by_model(rows)]


@claim("cliffs on incorrect traces, seen less expected from the potential after them", "above", 0)
def incorrect_traces_exceed_the_null(frame, confidence):
    rows = frame[frame["dataset"] == ALL]
    return [look_up(rows, "excess", key, confidence) for key in _by_model(rows)]


@claim("share of low entropy, all tokens less cliff tokens", "above", 0)
def cliffs_have_higher_entropy(frame, confidence):
    for key in _by_model(frame):
        yield _minus(frame, "low_entropy", key, {"group": "all"}, {"group": "cliff"}, confidence)


@claim("share of greedy tokens, cliffs over all tokens", "below", 1)
def cliffs_are_less_often_greedy(frame, confidence):
    return [look_up(frame, "ratio", key, confidence) for key in _by_model(frame)]


@claim("deterministic cliffs among all cliffs", "above", 0)
def deterministic_cliffs_are_found(frame, confidence):
    # A Wilson interval of no cliffs starts at zero: found means that some were.
    rows = frame[frame["kind"] == "deterministic"]
    return [look_up(rows, "cliffs/n", key, confidence) for key in _by_model(rows)]


@claim("deterministic cliffs that are impossible", "equals", 0)
def deterministic_cliffs_are_possible(frame, confidence):
    rows = frame[frame["kind"] == "deterministic"]
    return [look_up(rows, "impossible/n", {"model": ALL}, confidence)]


@claim("deterministic flags less those that chance makes", "above", 0)
def deterministic_flags_exceed_chance(frame, confidence):
    where = {"model": ALL, "kind": "deterministic"}
    flags = look_up(frame, "n", where, confidence)
    chance = look_up(frame, "by_chance", where, confidence)
    tail = (1 - confidence) / 2
    low = stats.chi2.ppf(tail, 2 * flags.value) / 2 if flags.value else 0.0
    high = stats.chi2.ppf(1 - tail, 2 * flags.value + 2) / 2
    yield Finding("", flags.value - chance.value, low - chance.value, high - chance.value, flags.n)


def _of_pairs(frame, quantity, kind, confidence, of="n"):
    for key in _groups(frame, "source", "evaluator"):
        finding = _counted(frame, quantity, of, key | {"kind": kind}, confidence)
        yield replace(finding, about=" to ".join(key.values()))


def _against_deterministic(frame, kind, confidence):
    for key in _groups(frame, "source", "evaluator"):
        finding = _minus(
            frame, "share_first", key, {"kind": "deterministic"}, {"kind": kind}, confidence
        )
        yield replace(finding, about=" to ".join(key.values()))


@claim("deterministic cliffs that the other model ranks first", "above", 0.5)
def deterministic_cliffs_are_first_for_both(frame, confidence):
    return _of_pairs(frame, "share_first", "deterministic", confidence)


@claim("deterministic cliffs that the other model ranks first, less their controls", "above", 0)
def deterministic_cliffs_agree_more_than_controls(frame, confidence):
    return _of_pairs(frame, "difference", "deterministic", confidence, "controls")


@claim("ranked first by the other model, deterministic less uncertain", "above", 0)
def uncertain_cliffs_agree_less(frame, confidence):
    return _against_deterministic(frame, "uncertain", confidence)


@claim("ranked first by the other model, deterministic less sampled-off", "above", 0)
def sampled_off_cliffs_agree_least(frame, confidence):
    return _against_deterministic(frame, "sampled_off", confidence)


@claim("change of the cliff mass of deterministic cliffs in the other model", "equals", 0)
def deterministic_mass_stays(frame, confidence):
    return _of_pairs(frame, "delta", "deterministic", confidence)


@claim("change of the cliff mass of uncertain cliffs in the other model", "below", 0)
def uncertain_mass_shrinks(frame, confidence):
    return _of_pairs(frame, "delta", "uncertain", confidence)


@claim("cliff mass, uncertain less sampled-off", "above", 0)
def cliff_mass_falls_from_kind_to_kind(frame, confidence):
    # Deterministic against uncertain needs no measuring: the greedy token is in both masses.
    fresh = frame[frame["reading"] == "fresh"]
    for key in _by_model(fresh):
        yield _minus(
            fresh, "cliff_mass", key, {"kind": "uncertain"}, {"kind": "sampled_off"}, confidence
        )


@claim(
    "potential of the greedy token less that of the sampled one, at sampled-off cliffs", "above", 0
)
def greedy_token_is_better(frame, confidence):
    return [look_up(frame, "gap", key, confidence) for key in _by_model(frame)]


@claim(
    "potential of the greedy token less that of the average alternative, at sampled-off cliffs",
    "above",
    0,
)
def greedy_token_beats_the_alternatives(frame, confidence):
    return [look_up(frame, "advantage", key, confidence) for key in _by_model(frame)]


@claim("drop that the greedy token recovers at sampled-off cliffs, by fresh counts", "above", 0)
def greedy_replacement_recovers(frame, confidence):
    rows = frame[(frame["kind"] == "sampled_off") & (frame["basis"] == "fresh")]
    return [look_up(rows, "recovery", key, confidence) for key in _by_model(rows)]


def _settings_won(frame, variant, confidence):
    where = {"variant": variant, "k": 1, "rival": "every rival", "model": ALL, "dataset": ALL}
    yield replace(look_up(frame, "beats/settings", where, confidence), about="")


@claim("settings in which the cliff beats every rival, as published", "above", 0.5)
def cliff_beats_rivals(frame, confidence):
    return _settings_won(frame, "published", confidence)


@claim("settings in which the cliff beats every rival, where both can cut", "above", 0.5)
def cliff_beats_rivals_fairly(frame, confidence):
    return _settings_won(frame, "fair", confidence)


@claim("distance of the first cliff from the critical token, in tokens", "below", 0)
def first_cliff_precedes_critical_token(frame, confidence):
    rows = frame[frame["point"] == "first cliff"]
    return [look_up(rows, "distance", key, confidence) for key in _by_model(rows)]


def _by_cell(frame, quantity, confidence, of="n"):
    keys = _groups(frame, "model", "dataset")
    return [_counted(frame, quantity, of, key, confidence) for key in keys]


@claim("hard traces that start at potential zero", "above", 0.5, hard=True)
def hard_traces_start_at_zero(frame, confidence):
    return _by_cell(frame, "share_at_zero", confidence)


@claim("incorrect hard traces without a cliff", "above", 0.5, hard=True)
def hard_traces_hold_no_cliff(frame, confidence):
    return _by_cell(frame, "share_without_cliff", confidence, "incorrect")


def _gains(frame, variant, confidence):
    rows = frame[(frame["decoding"] == "greedy") & (frame["variant"] == variant)]
    return _by_cell(rows, "gain", confidence)


@claim("gain in accuracy from uncertain and sampled-off pairs", "above", 0)
def uncertain_and_sampled_off_pairs_help(frame, confidence):
    return _gains(frame, "uncertain_sampled_off", confidence)


@claim("gain in accuracy from deterministic pairs", "equals", 0)
def deterministic_pairs_do_not_help(frame, confidence):
    return _gains(frame, "deterministic", confidence)


@claim("gain in accuracy, uncertain and sampled-off pairs less deterministic ones", "above", 0)
def deterministic_pairs_help_less(frame, confidence):
    greedy = frame[frame["decoding"] == "greedy"]
    for key in _groups(greedy, "model", "dataset"):
        yield _minus(
            greedy, "gain", key,
            {"variant": "uncertain_sampled_off"}, {"variant": "deterministic"}, confidence,
        )  # fmt: skip


@claim("probability of deterministic cliff tokens, before training", "above", 0.9)
def deterministic_cliffs_are_near_certain(frame, confidence):
    # The same for every variant that was trained.
    rows = frame[(frame["kind"] == "deterministic") & (frame["n"] > 0)]
    return [look_up(rows, "before", key, confidence) for key in _by_model(frame)]


@claim("change of cliffs per trace after training on all pairs", "below", 0)
def training_removes_cliffs(frame, confidence):
    rows = frame[frame["variant"] == "all"]
    return [look_up(rows, "change", key, confidence) for key in _by_model(rows)]
