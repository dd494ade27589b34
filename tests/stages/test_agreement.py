"""How probable another model finds cliffs and their controls."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cliff_tokens import tables
from cliff_tokens.policies.sampling import Sampler
from cliff_tokens.script import open_policy, open_tokenizer
from cliff_tokens.stages import agreement
from cliff_tokens.stages import generators as problems
from cliff_tokens.stages.grading import Grader
from cliff_tokens.stages.questions import Questions
from cliff_tokens.stages.traces import sample, score

CERTAIN = 0.99
MODELS = ("testbed-small", "testbed-large")
SAMPLER = Sampler(temperature=1.0, top_p=0.95)
KEYS = ["cliff_id", "group", "evaluator", "token_id"]


def opens_of(root, model):
    return {"engine": "transformers", "model": str(root / "resources/testbed" / model), "chat": {}}


@pytest.fixture(scope="module")
def opened(root):
    """The shipped models, by name."""
    pytest.importorskip("torch")
    sampler = {"temperature": 1.0, "top_p": 0.95}
    return {model: open_policy(opens_of(root, model), sampler) for model in MODELS}


@pytest.fixture(scope="module")
def run(opened):
    """Traces of the smaller model, scored; every ninth token passes for a cliff."""
    asked = problems.generate("chains", "test", 6, seed=3).assign(dataset="chains")
    small = opened["testbed-small"]
    questions = Questions(system=None, max_tokens=120, samples=1)
    with Grader() as grader:
        drawn = sample(asked, questions, "testbed-small", small, grader, 4)
    tokens, _ = score(drawn, small, 20)
    found = tokens[tokens["t"] % 9 == 0].copy()
    found["cliff_id"] = found["trace_id"] + "@" + found["t"].astype(str)
    found["kind"] = "uncertain"
    return drawn, tokens, found, three_candidates(found, drawn, small.engine)


def three_candidates(found, drawn, engine):
    """The most probable tokens at each position, found one prefix at a time."""
    by_id = {trace.trace_id: trace for trace in drawn.itertuples()}
    rows = []
    for cliff in found.itertuples():
        trace = by_id[cliff.trace_id]
        (logits,) = engine.score([(trace.prompt_ids, trace.token_ids[: cliff.t])])
        weights = np.exp(logits[-1].astype(float) - logits[-1].max())
        best = np.argsort(-weights)[:3]
        rows.append(
            pd.DataFrame(
                {
                    "cliff_id": cliff.cliff_id,
                    "token_id": best,
                    "rank": [1, 2, 3],
                    "probability": weights[best] / weights.sum(),
                    "is_sampled": best == cliff.token_id,
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def ask(run, opened, evaluator, context=512, **changed):
    drawn, tokens, found, candidates = run
    frames = {"cliffs": found, "candidates": candidates, "traces": drawn, "tokens": tokens}
    frames |= changed
    cliffs, tokens = frames["cliffs"], frames["tokens"]
    controls = agreement.match_controls(cliffs, tokens, CERTAIN)
    return agreement.score(
        agreement.ask(cliffs, frames["candidates"], tokens, controls),
        frames["traces"],
        agreement.Reader("testbed-small", opened["testbed-small"].tokenizer),
        agreement.Reader(evaluator, opened[evaluator].tokenizer),
        opened[evaluator].engine,
        context,
    )


def test_ranks_share_ties_and_probabilities_are_of_the_full_vocabulary():
    shares = np.array([0.5, 0.2, 0.2, 0.1])
    probability, rank = agreement.read_off(np.log(shares) + 3, np.arange(4))
    assert probability == pytest.approx(shares)
    assert rank.tolist() == [1, 2, 2, 4]


def test_a_model_agrees_with_itself(run, opened):
    scored = ask(run, opened, "testbed-small")
    # float32 logits: another batch rounds otherwise, up to 3e-6 in probability.
    np.testing.assert_allclose(scored["probability"], scored["source_probability"], atol=1e-5)
    assert (scored["rank"] == scored["source_rank"]).all()
    assert {"cliff", "control"} == set(scored["group"])


def test_the_evaluator_reads_the_sources_prefix(run, opened):
    drawn, _, found, _ = run
    scored = ask(run, opened, "testbed-large")
    trace = drawn.set_index("trace_id").loc[found["trace_id"].iloc[0]]
    (logits,) = opened["testbed-large"].engine.score([(trace.prompt_ids, trace.token_ids[:9])])
    expected = np.exp(logits[8].astype(float)) / np.exp(logits[8].astype(float)).sum()
    rows = scored[scored["cliff_id"].eq(found["cliff_id"].iloc[0]) & scored["group"].eq("cliff")]
    assert len(rows) in (3, 4)
    np.testing.assert_allclose(rows["probability"], expected[rows["token_id"]], atol=1e-5)
    ranks = [1 + int((expected > expected[token] + 1e-12).sum()) for token in rows["token_id"]]
    assert rows["rank"].tolist() == ranks


def test_every_cliff_token_is_asked_about_once_among_its_candidates_or_not(run, opened):
    _, _, found, candidates = run
    scored = ask(run, opened, "testbed-large")
    own = scored[scored["group"].eq("cliff") & scored["is_sampled"]]
    assert sorted(own["cliff_id"]) == sorted(found["cliff_id"])
    tokens = own.set_index("cliff_id")["token_id"]
    assert tokens.loc[found["cliff_id"]].tolist() == found["token_id"].tolist()
    outside = len(found) - candidates["is_sampled"].sum()
    assert outside > 0
    assert scored["group"].eq("cliff").sum() == len(candidates) + outside


def test_the_order_of_rows_changes_nothing(run, opened):
    drawn, tokens, found, candidates = run
    plain = ask(run, opened, "testbed-large").sort_values(KEYS, ignore_index=True)
    mixed = ask(
        run, opened, "testbed-large",
        traces=drawn[::-1], tokens=tokens.sample(frac=1, random_state=1),
        cliffs=found.sample(frac=1, random_state=2), candidates=candidates[::-1],
    )  # fmt: skip
    pd.testing.assert_frame_equal(mixed.sort_values(KEYS, ignore_index=True), plain)


def test_what_is_scored_is_a_table(run, opened, tmp_path):
    scored = ask(run, opened, "testbed-large")
    tables.write(scored, tmp_path / "a.parquet", "agreement", {})
    assert len(tables.read(tmp_path / "a.parquet", "agreement")) == len(scored)


@pytest.mark.filterwarnings("error")
def test_a_source_without_cliffs_gives_an_empty_table(run, opened, tmp_path):
    _, _, found, candidates = run
    scored = ask(run, opened, "testbed-large", cliffs=found[:0], candidates=candidates[:0])
    tables.write(scored, tmp_path / "a.parquet", "agreement", {})
    empty = tables.read(tmp_path / "a.parquet", "agreement")
    assert empty.empty


def test_a_prefix_longer_than_the_context_is_refused_by_its_trace(run, opened):
    drawn, _, found, _ = run
    lengths = drawn.set_index("trace_id")["prompt_ids"].map(len)
    needed = (found["trace_id"].map(lengths) + found["t"]).max()
    with pytest.raises(ValueError, match=r"testbed-small/chains/.*its context is 40"):
        ask(run, opened, "testbed-large", context=40)
    controls = agreement.match_controls(found, run[1], CERTAIN)
    needed = max(needed, (controls["trace_id"].map(lengths) + controls["t"]).max())
    with pytest.raises(ValueError, match=f"would have to read {needed} tokens"):
        ask(run, opened, "testbed-large", context=needed - 1)
    assert len(ask(run, opened, "testbed-large", context=needed))


@pytest.fixture(scope="module")
def other_vocabulary(root, tmp_path_factory):
    """The shipped tokenizer with the digits 7 and 8 under each other's ids."""
    folder = tmp_path_factory.mktemp("other") / "tokenizer"
    shutil.copytree(root / "resources/testbed/testbed-large", folder)
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    names = content["model"]["vocab"]
    names["7"], names["8"] = names["8"], names["7"]
    path.write_text(json.dumps(content))
    return open_tokenizer({"model": str(folder)}), min(names["7"], names["8"])


def test_models_with_other_tokens_are_refused_by_name(run, opened, other_vocabulary):
    tokenizer, swapped = other_vocabulary
    changed = {**opened, "testbed-large": replace(opened["testbed-large"], tokenizer=tokenizer)}
    with pytest.raises(ValueError, match=rf"testbed-small and testbed-large: token {swapped} is"):
        ask(run, changed, "testbed-large")


def test_tokenizers_differ_where_ids_are_used_and_where_a_token_is_special(
    root, opened, other_vocabulary, tmp_path
):
    small, large = (opened[model].tokenizer for model in MODELS)
    other, swapped = other_vocabulary
    every = np.arange(len(small._tokenizer))
    assert small.first_difference(large, every) is None
    assert small.first_difference(other, every) == swapped
    assert small.first_difference(other, every[:swapped]) is None
    assert small.first_difference(other, np.array([5, swapped + 1, swapped])) == swapped
    folder = tmp_path / "plain"
    shutil.copytree(root / "resources/testbed/testbed-small", folder)
    path, settings = folder / "tokenizer.json", folder / "tokenizer_config.json"
    content, options = json.loads(path.read_text()), json.loads(settings.read_text())
    (user,) = [token for token in content["added_tokens"] if token["content"] == "<|user|>"]
    user["special"] = False
    options["extra_special_tokens"].remove("<|user|>")
    path.write_text(json.dumps(content))
    settings.write_text(json.dumps(options))
    plain = open_tokenizer({"model": str(folder)})
    assert small.first_difference(plain, every) == user["id"]


def scores(rows):
    """Scored tokens from (trace, t, probability, rank, entropy)."""
    frame = pd.DataFrame(rows, columns=["trace_id", "t", "p", "rank", "entropy"])
    return frame.assign(logprob=np.log(frame["p"]), token_id=frame["t"])


def marked(tokens, places):
    found = tokens.merge(pd.DataFrame(places, columns=["trace_id", "t"]))
    return found.assign(cliff_id=found["trace_id"] + "@" + found["t"].astype(str))


def test_controls_are_as_probable_of_the_same_greed_and_where_possible_of_the_same_entropy():
    tokens = scores(
        [
            ("m/d/a/0", 1, 0.60, 1, 0.7),  # cliff
            ("m/d/a/0", 2, 0.60, 2, 0.7),  # as probable, but not greedy
            ("m/d/a/0", 3, 0.61, 1, 0.0),  # as probable, but of low entropy
            ("m/d/b/0", 1, 0.64, 1, 0.7),  # the control
            ("m/d/b/0", 2, 0.30, 2, 0.9),  # cliff
            ("m/d/b/0", 3, 0.36, 2, 0.9),  # 0.06 away
        ]
    )
    found = marked(tokens, [("m/d/a/0", 1), ("m/d/b/0", 2)])
    controls = agreement.match_controls(found, tokens, CERTAIN)
    assert controls.to_numpy().tolist() == [["m/d/a/0@1", "m/d/b/0", 1]]
    fewer = tokens[tokens["p"] != 0.64]
    controls = agreement.match_controls(found, fewer, CERTAIN)
    assert controls.to_numpy().tolist() == [["m/d/a/0@1", "m/d/a/0", 3]]


def test_no_control_is_a_cliff_and_none_is_used_twice():
    rng = np.random.default_rng(5)
    rows = [
        (f"m/d/{problem}/0", t, rng.choice([0.4, 0.41, 0.99]), 1, 0.5)
        for problem in range(10)
        for t in range(1, 11)
    ]
    tokens = scores(rows)
    found = marked(tokens, [row[:2] for row in rows if row[1] % 2])
    controls = agreement.match_controls(found, tokens, CERTAIN)
    assert 40 < len(controls) <= 50
    assert not controls.duplicated(["trace_id", "t"]).any()
    assert not controls.merge(found, on=["trace_id", "t"]).size
    merged = controls.merge(tokens, on=["trace_id", "t"]).merge(found, on="cliff_id")
    assert (merged["p_x"] - merged["p_y"]).abs().max() <= agreement.CALIPER
    mixed = agreement.match_controls(found[::-1], tokens[::-1], CERTAIN)
    pd.testing.assert_frame_equal(mixed, controls)
