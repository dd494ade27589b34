"""Evaluation and recounting on a real small model, with adapters made here."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from helpers.models import say

from cliff_tokens import tables
from cliff_tokens.exhibits import read_adapters
from cliff_tokens.provenance import sha256
from cliff_tokens.script import open_policy, resumable, trained_adapters, was_trained
from cliff_tokens.stages import evaluation, problems
from cliff_tokens.stages import generators as generated
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.evaluation import BASE, Identity, Recount
from cliff_tokens.stages.grading import Grader
from cliff_tokens.stages.questions import Questions

torch = pytest.importorskip("torch")
peft = pytest.importorskip("peft")
transformers = pytest.importorskip("transformers")

SOURCE = {"engine": "transformers", "model": "resources/testbed/testbed-small"}
SAMPLER = {"temperature": 1.0, "top_p": 0.95}
TUNED = Identity("testbed-small", "all", 42)
UNTRAINED = Identity("testbed-small", BASE, 42)
VALUES = ["verdict", "answer", "tokens", "finish"]


@pytest.fixture(scope="module")
def source(root):
    return SOURCE | {"model": str(root / SOURCE["model"])}


def save_adapter(source, folder, spread, pairs=5):
    """An adapter of random updates, with what training records of it."""
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_pretrained(source["model"])
    config = peft.LoraConfig(r=4, lora_alpha=8, target_modules="all-linear")
    tuned = peft.get_peft_model(model, config)
    with torch.no_grad():
        for name, weight in tuned.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=spread) if spread else weight.zero_()
    tuned.save_pretrained(folder)
    wildcards = {"model": "testbed-small", "variant": "all", "seed": "42"}
    counts = {"pairs": pairs, "loss_positions": 2 * pairs, "steps": 3}
    record = counts | {"made_by": {"wildcards": wildcards}}
    (folder / "provenance.json").write_text(json.dumps(record))
    return str(folder)


@pytest.fixture(scope="module")
def base(source):
    return open_policy(source, SAMPLER)


@pytest.fixture(scope="module")
def zeros(source, tmp_path_factory):
    return open_policy(source, SAMPLER, save_adapter(source, tmp_path_factory.mktemp("zeros"), 0))


@pytest.fixture(scope="module")
def noise(source, tmp_path_factory):
    return open_policy(
        source, SAMPLER, save_adapter(source, tmp_path_factory.mktemp("noise"), 0.05)
    )


def asked(generator, count, dataset=None):
    frame = generated.generate(generator, "test", count, seed=3)
    return frame.assign(dataset=dataset or generator)


def evaluate(policy, identity=TUNED, order=1, samples=2, store=None):
    problems = pd.concat([asked("chains", 8).iloc[::order], asked("factors", 5)][::order])
    questions = {"chains": Questions(None, 160, samples), "factors": Questions(None, 192, 0)}
    questions = dict(list(questions.items())[::order])
    with Grader() as grader:
        found = evaluation.evaluate(
            problems, questions, identity, policy, grader, seed=7, store=store
        )
    keys = list(tables.TABLES["evaluation"].keys)
    return found.sort_values(keys, ignore_index=True)


def recount(policy, identity=TUNED, store=None):
    questions = {"chains": Questions(None, 160, 2)}
    # So lenient a rule that some traces have cliffs, whatever the weights are.
    protocol = Recount(rollouts=8, test=CliffTest(0.05, 0.0), certain=0.99, support=20)
    with Grader() as grader:
        return evaluation.recount(
            asked("chains", 5), questions, identity, policy, grader, protocol, seed=7, store=store
        )


@pytest.fixture(scope="module")
def answered(base):
    return evaluate(base, UNTRAINED)


@pytest.fixture(scope="module")
def recounted(base):
    return recount(base, UNTRAINED)


def test_an_adapter_of_zeros_answers_as_base_does_to_the_token(answered, recounted, zeros):
    before, after = answered, evaluate(zeros)
    pd.testing.assert_frame_equal(before.drop(columns="variant"), after.drop(columns="variant"))
    assert set(before["decoding"]) == {"greedy", "sampled"}
    assert before["verdict"].nunique() > 1
    before, after = recounted, recount(zeros)
    pd.testing.assert_frame_equal(before.drop(columns="variant"), after.drop(columns="variant"))


def test_an_adapter_that_changes_the_model_changes_answers(answered, noise):
    assert not answered[VALUES].equals(evaluate(noise)[VALUES])


def test_samples_of_another_training_seed_are_other_draws_and_greedy_answers_are_not(
    base, answered
):
    one, two = answered, evaluate(base, Identity("testbed-small", "all", 43))
    greedy = one["decoding"].eq("greedy")
    assert one.loc[greedy, VALUES].equals(two.loc[greedy, VALUES])
    assert not one.loc[~greedy, VALUES].equals(two.loc[~greedy, VALUES])


@pytest.mark.parametrize(("measure", "stored"), [(evaluate, 3), (recount, 2)])
def test_a_stopped_job_asks_nothing_again_that_it_had_finished(
    base, answered, recounted, tmp_path, measure, stored, caplog
):
    output, finished = str(tmp_path / "rows.parquet"), tmp_path / ".rows.partial"

    def stop():
        with resumable(output, {}) as store:
            measure(base, UNTRAINED, store=store)
            # Of recount the data set's rows, for which its batches of rollouts are there.
            sorted(finished.iterdir())[0].unlink()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    kept = len(list(finished.iterdir()))
    caplog.set_level("INFO")
    with resumable(output, {}) as store:
        again = measure(base, UNTRAINED, store=store)
    pd.testing.assert_frame_equal(again, answered if measure is evaluate else recounted)
    assert caplog.text.count("taken from an earlier attempt") == kept == stored - 1
    assert not list(tmp_path.iterdir())


def test_the_order_of_problems_and_data_sets_changes_no_answer(base, answered):
    pd.testing.assert_frame_equal(answered, evaluate(base, UNTRAINED, order=-1))


def test_every_problem_is_answered_once_greedily_and_as_often_as_asked(base):
    found = evaluate(base, samples=3)
    counts = found.groupby(["dataset", "decoding"]).size().to_dict()
    assert counts == {("chains", "greedy"): 8, ("chains", "sampled"): 24, ("factors", "greedy"): 5}


def test_an_adapter_without_pairs_was_not_trained_and_has_no_rows(source, tmp_path):
    assert was_trained(save_adapter(source, tmp_path / "some", 0))
    assert not was_trained(save_adapter(source, tmp_path / "none", 0, pairs=0))
    for name in ("evaluation", "recounts"):
        tables.write(tables.empty(name), tmp_path / "empty.parquet", name, {})
        assert tables.read(tmp_path / "empty.parquet", name).empty


def test_adapters_that_were_trained_are_known_by_variant_and_seed(source, tmp_path):
    made = {name: str(save_adapter(source, tmp_path / name, 0)) for name in ("x", "y")}
    none = str(save_adapter(source, tmp_path / "none", 0, pairs=0))
    for number, folder in enumerate(made.values()):
        say(Path(folder) / "provenance.json", variant="all", seed=number)
    assert trained_adapters([*made.values(), none]) == {
        ("all", 0): made["x"],
        ("all", 1): made["y"],
    }


def test_what_is_counted_adds_up_and_fits_its_table(recounted, tmp_path):
    found = recounted
    kinds = found[["deterministic", "uncertain", "sampled_off", "other"]]
    assert (kinds.sum(axis=1) == found["cliffs"]).all()
    assert found["cliffs"].sum() > 0
    assert (found["rollouts"] > 0).all()
    tables.write(found, tmp_path / "recounts.parquet", "recounts", {})
    assert len(tables.read(tmp_path / "recounts.parquet", "recounts")) == 10


def test_what_an_adapter_was_trained_with_is_labeled_by_what_made_it(source, tmp_path):
    (row,) = read_adapters([save_adapter(source, tmp_path / "one", 0)]).to_dict("records")
    assert row == {
        "model": "testbed-small", "variant": "all", "seed": "42", "pairs": 5,
        "loss_positions": 10, "steps": 3,
        "weights": sha256(tmp_path / "one/adapter_model.safetensors"),
    }  # fmt: skip


@pytest.fixture(scope="module")
def shipped(root):
    """The catalogue of data sets, and the seed of the default run."""
    datasets = yaml.safe_load((root / "config/datasets.yaml").read_text())
    return datasets, yaml.safe_load((root / "config/config.yaml").read_text())["seed"]


def calculations(name, entry, seed):
    """What the problems of a data set calculate, whatever their wording."""
    generator, split = entry["generator"], entry["split"]
    rng = np.random.default_rng([seed, *generator.encode(), *split.encode()])
    stream, found = generated.problems(generator, split, rng), {}
    asked = problems.select(name, entry, None, seed).asked["question"].tolist()
    for question in asked:
        while question not in found.values():
            problem = generated._factors(rng, 1092) if "1092" in question else next(stream)
            found.setdefault(problem.key, problem.question)
    return {key for key, question in found.items() if question in asked}


@pytest.fixture(scope="module")
def trained(shipped):
    """What the problems of all training sets calculate."""
    datasets, seed = shipped
    names = ("chains-train", "chains-train-large")
    return set().union(*(calculations(name, datasets[name], seed) for name in names))


@pytest.mark.parametrize("name", ["chains-eval", "factors-eval", "marathons-eval"])
def test_evaluation_sets_are_as_large_as_stated_and_share_no_problem_with_training(
    shipped, trained, name
):
    datasets, seed = shipped
    found = calculations(name, datasets[name], seed)
    assert len(found) == datasets[name]["problems"]
    assert not found & trained


def test_all_factors_of_the_test_split_are_asked(shipped):
    datasets, _ = shipped
    test = [n for n in generated._factorable() if generated.split_of(f"factors {n}") == "test"]
    assert datasets["factors-eval"]["problems"] == len(test)
