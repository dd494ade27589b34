"""A new run: what is written, what it says, and that nothing is written where anything is wrong."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import yaml
from helpers.models import save_model, save_tokenizer, say
from helpers.repository import ROOT

from cliff_tokens.__main__ import main

MODEL = str(ROOT / "resources/testbed/testbed-small")
ROWS = [{"question": f"What is {n} + 1?", "answer": n + 1} for n in range(30)]
FILES = ("config/models.yaml", "config/datasets.yaml", "config/config.yaml", "Snakefile")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A repository with its catalogues, and thirty problems."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow/schemas").symlink_to(ROOT / "workflow/schemas")
    write(tmp_path, ROWS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def own(folder):
    """A copy of the smaller model in the repository, which a test may spoil."""
    return shutil.copytree(MODEL, folder / "own model")


def write(folder, rows):
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "my problems.jsonl").write_text(lines, encoding="utf-8")


def new(*options, model=MODEL, run="mine"):
    return main(["new", run, "--model", model, "--problems", "my problems.jsonl", *options])


def state(folder):
    paths = sorted(path for path in (folder / "config").iterdir())
    return {path.name: path.read_bytes() for path in paths}


def entry(folder, catalogue, name):
    return yaml.safe_load((folder / f"config/{catalogue}.yaml").read_text())[name]


def test_two_entries_and_a_plan_are_added_and_all_else_stays(folder, capsys):
    before = state(folder)
    assert new() == 0
    after = state(folder)
    for name in ("models.yaml", "datasets.yaml"):
        assert after[name].startswith(before[name].rstrip(b"\n"))
    model, asked = (
        entry(folder, "models", "testbed-small-2"),
        entry(folder, "datasets", "my-problems"),
    )
    assert (model["path"], model["context"]) == (MODEL, 512)
    assert (asked["file"], asked["max_tokens"]) == ("my problems.jsonl", 256)
    plan = yaml.safe_load(after["mine.yaml"])
    assert (plan["run"], plan["models"]) == ("mine", ["testbed-small-2"])
    assert plan["problems"] == {"limit": 20}
    said = capsys.readouterr().out
    assert "20 of 30 problems" in said
    assert "million tokens" in said
    assert "snakemake --cores 2 --configfile config/mine.yaml" in said


def test_entries_of_the_same_origin_serve_again(folder, capsys):
    assert new() == 0
    before = state(folder)
    assert new(run="again") == 0
    after = state(folder)
    assert after.pop("again.yaml")
    assert after == before
    assert "has my-problems already" in capsys.readouterr().out


def test_what_is_said_in_words_makes_no_other_entry(folder):
    assert new() == 0
    path = folder / "config/datasets.yaml"
    text = path.read_text().replace("license: not stated", "license: MIT")
    path.write_text(f"{text}  answer_from: box\n".replace("label: my-problems", "label: Mine"))
    before = state(folder)
    assert new(run="again") == 0
    after = state(folder)
    assert after.pop("again.yaml")
    assert after == before


def test_options_count_where_the_file_has_an_entry_already(folder, capsys):
    rows = [row | {"asked": f"What is 2 + {row['answer']}?"} for row in ROWS]
    write(folder, rows)
    assert new() == 0
    assert new("--max-tokens", "64", "--question", "asked", run="again") == 0
    asked = entry(folder, "datasets", "my-problems-2")
    assert (asked["max_tokens"], asked["question"]) == (64, "asked")
    plan = yaml.safe_load((folder / "config/again.yaml").read_text())
    assert plan["datasets"] == ["my-problems-2"]
    said = capsys.readouterr().out
    assert "my-problems has the same file and differs in max_tokens, question; name it" in said


def test_what_somebody_wrote_of_a_file_holds_in_its_second_entry(folder):
    write(folder, [*ROWS, ROWS[0]])
    path = folder / "config/datasets.yaml"
    asked = {"question": "question", "answer": "answer", "system": None, "max_tokens": 9}
    asked |= {"file": "my problems.jsonl", "version": 3, "license": "MIT", "label": "by hand"}
    path.write_text(f"{path.read_text()}\n{yaml.safe_dump({'p': asked | {'duplicates': 'drop'}})}")
    assert new() == 0
    second = entry(folder, "datasets", "my-problems")
    assert (second["duplicates"], second["license"]) == ("drop", "MIT")
    assert (second["version"], second["label"]) == (1, "my-problems")


def save_base(folder):
    """A model whose tokens are bytes and which knows no turns."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    save_model(folder, vocab_size=300, max_position_embeddings=512)
    tokens = ["<pad>", "<end>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    of_bytes = Tokenizer(models.BPE({token: k for k, token in enumerate(tokens)}, []))
    of_bytes.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    PreTrainedTokenizerFast(
        tokenizer_object=of_bytes, pad_token="<pad>", eos_token="<end>"
    ).save_pretrained(folder)


def test_a_model_without_turns_is_asked_in_plain_text(folder, capsys):
    save_base(folder / "base model")
    assert new() == 0  # a model with turns comes first
    assert new(model=str(folder / "base model"), run="base") == 0
    asked = entry(folder, "datasets", "my-problems-2")
    assert asked["answer_from"] == "last_number"
    assert asked["plain"]["until"] == "\n\n"
    assert yaml.safe_load((folder / "config/base.yaml").read_text())["datasets"] == [
        "my-problems-2"
    ]
    assert entry(folder, "models", "base-model")["path"] == "base model"
    assert "differs in answer_from, plain, system" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("said", "sampler"),
    [
        ({}, (1.0, 1.0, 0)),
        ({"temperature": 0.6, "top_p": 0.9, "top_k": 20}, (0.6, 0.9, 20)),
        ({"temperature": 0.0}, (0.0, 1.0, 0)),
        ({"do_sample": False, "temperature": 0.6}, (0.0, 1.0, 0)),
        ({"do_sample": True, "temperature": 0.6}, (0.6, 1.0, 0)),
    ],
)
def test_the_sampler_is_the_one_that_the_folder_suggests(folder, own, capsys, said, sampler):
    say(own / "generation_config.json", **said)
    assert new(model=str(own)) == 0
    found = entry(folder, "models", "own-model")["sampler"]
    assert (found["temperature"], found["top_p"], found["top_k"]) == sampler
    assert ("no cliff can be found" in capsys.readouterr().out) == (sampler[0] == 0)


def test_another_sampler_of_a_model_is_another_entry(folder, own, capsys):
    assert new(model=str(own)) == 0
    say(own / "generation_config.json", temperature=0.6)
    assert new(model=str(own), run="again") == 0
    assert entry(folder, "models", "own-model-2")["sampler"]["temperature"] == 0.6
    assert "own-model has the same path and differs in sampler" in capsys.readouterr().out


def test_what_the_sampler_cannot_do_is_named(folder, own, capsys):
    neutral = {"repetition_penalty": 1.0, "num_beams": 1, "typical_p": 1.0, "stop_strings": []}
    say(own / "generation_config.json", **neutral)
    assert new(model=str(own)) == 0
    assert "left out" not in capsys.readouterr().out
    say(own / "generation_config.json", num_beams=4, min_p=0.05, repetition_penalty=1.1)
    assert new(model=str(own), run="again") == 0
    said = capsys.readouterr().out
    assert "config.json: num_beams 4, min_p 0.05, repetition_penalty 1.1: left out" in said


@pytest.mark.parametrize(
    ("config", "said", "context"),
    [
        ("Qwen3Config", {"max_position_embeddings": 96}, 96),
        ("GPT2Config", {}, 128),  # n_positions
        ("Qwen3Config", {"max_position_embeddings": None}, 32768),  # of the class
    ],
)
def test_the_context_is_that_of_the_model(folder, tmp_path, config, said, context):
    save_model(tmp_path / "m", config, **{k: v for k, v in said.items() if v})
    if None in said.values():
        say(tmp_path / "m/config.json", **said)
    save_tokenizer(tmp_path / "m", "{% for m in messages %}<user> {{ m.content }}{% endfor %}")
    write(folder, [{"question": f"a w{n} ?", "answer": n} for n in range(9)])
    assert new("--max-tokens", "8", model=str(tmp_path / "m")) == 0
    assert entry(folder, "models", "m")["context"] == context


def test_a_model_of_the_hub_is_resolved_first(folder, capsys):
    assert new(model="owner/Some_Model-1B") == 0
    model = entry(folder, "models", "some-model-1b")
    assert (model["hub"], model["revision"]) == ("owner/Some_Model-1B", None)
    said = capsys.readouterr().out
    assert "owner/Some_Model-1B: is not here; its sampler and context are guesses" in said
    assert "resolve_revisions" in said


def test_a_model_of_the_hub_that_has_an_entry_is_taken_as_it_stands_there(folder):
    assert new(model="Qwen/Qwen3-8B") == 0
    assert yaml.safe_load((folder / "config/mine.yaml").read_text())["models"] == ["qwen3-8b"]
    assert (folder / "config/models.yaml").read_bytes() == (ROOT / FILES[0]).read_bytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": "nowhere/at/all"}, "--model: found 'nowhere/at/all'; expected a folder"),
        ({"run": "smoke case"}, "run: expected lower case letters, digits, dots and hyphens"),
        ({"run": "config"}, "config/config.yaml: is there already"),
        ({"options": ["--answer", "anwser"]}, "has no column 'anwser'; it has"),
        ({"options": ["--max-tokens", "0"]}, "max_tokens: expected a whole number >= 1, found 0"),
        ({"rows": [*ROWS, {"question": "Why?", "answer": "because 5 (or so) is"}]}, "line 31"),
        ({"rows": [ROWS[0], ROWS[0]]}, "line 2: asks the question of line 1"),
        ({"rows": [*ROWS, {"question": "How many?", "answer": "about 9"}]}, "line 31"),
        ({"rows": [{"question": "1<|end|>1", "answer": 1}]}, "takes for markup"),
        ({"rows": [*ROWS, {"question": "1<|end|>1", "answer": 1}]},
         "my problems.jsonl: line 31: "),
        ({"rows": [*ROWS, {"question": "\U0001f34e + 1?", "answer": 1}]},
         "my problems.jsonl: line 31: "),
        ({"rows": [*ROWS, {"question": "1 + " * 100 + "1?", "answer": 101}]},
         "my problems.jsonl: line 31: the prompt of 40"),
        ({"rows": [*ROWS, {"question": "1 + " * 200 + "1?", "answer": 201}]},
         "exceed the model's context of 512; expected a shorter one"),
        ({"options": ["--max-tokens", "510"]}, "(and 29 more): the prompt of"),
    ],
)  # fmt: skip
def test_nothing_is_written_where_anything_is_wrong(folder, capsys, change, said):
    if "rows" in change:
        write(folder, change["rows"])
    before = state(folder)
    options = {key: change[key] for key in ("model", "run") if key in change}
    assert new(*change.get("options", []), **options) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert "Traceback" not in shown.err
    assert state(folder) == before


def spoiled(name, text):
    return lambda model: (model / name).write_text(text)


def configured(**said):
    return lambda model: say(model / "config.json", **said)


def suggesting(**said):
    return lambda model: say(model / "generation_config.json", **said)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoiled("config.json", "[]"), "own model/config.json: expected a mapping"),
        (configured(text_config=3), "config.json: text_config: expected a mapping, found 3"),
        (configured(max_position_embeddings=-1), "expected at least 2 positions, found -1"),
        (configured(model_type="qwen99"), "own model/config.json: cannot be used"),
        (configured(quantization_config={"bits": 4}), "config.json: quantization_config: the"),
        (suggesting(eos_token_id=111), "generation_config.json has the eos_token_id 111, but"),
        (configured(architectures=["BertModel"]), "config.json: a BertModel predicts no next"),
        (configured(use_sliding_window=True, sliding_window=8, max_window_layers=0,
                    layer_types=["sliding_attention"] * 3), "asks for sliding_attention"),
        (configured(rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}),
         "asks for rope_type dynamic"),
        (lambda model: (model / "model.safetensors").unlink(), "model.safetensors: no such file"),
        (lambda model: (model / "model.safetensors").rename(model / "a.safetensors"),
         "no such file; found a.safetensors"),
        (lambda model: (model / "config.json").unlink(), "own model: no checkpoint there"),
        (lambda model: (model / "tokenizer.json").unlink(), "own model: no tokenizer there"),
        (spoiled("tokenizer.json", "{}"), "own model/tokenizer.json: not a tokenizer: "),
        (spoiled("generation_config.json", "[]"), "generation_config.json: expected a mapping"),
        (suggesting(temperature="hot"), "config.json: temperature: expected a number, found 'hot'"),
        (suggesting(temperature=True), "temperature: expected a number, found True"),
        (suggesting(top_k=0.5), "config.json: top_k: expected a whole number, found 0.5"),
        (suggesting(top_p=0), "config.json: sampler: top_p must be in (0, 1], found 0.0"),
        (suggesting(do_sample="no"), "do_sample: expected true or false, found 'no'"),
    ],
)  # fmt: skip
def test_nothing_is_written_where_the_first_job_would_refuse_the_model(
    folder, own, capsys, spoil, said
):
    spoil(own)
    before = state(folder)
    assert new(model=str(own)) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert "Traceback" not in shown
    assert state(folder) == before


def test_a_model_without_turns_or_words_for_plain_text_is_refused_by_the_first_row(
    folder, own, capsys
):
    (own / "chat_template.jinja").unlink()
    before = state(folder)
    assert new(model=str(own)) == 2
    said = capsys.readouterr().err
    assert "my problems.jsonl: line 1 (and 29 more): " in said
    assert "'Question: What is 0 + 1?" in said
    assert "has no tokens" in said
    assert state(folder) == before


def test_a_model_that_no_engine_can_run_is_refused_with_the_reason(folder, tmp_path, capsys):
    save_model(tmp_path / "m", "MistralConfig", sliding_window=16)
    save_tokenizer(tmp_path / "m")
    before = state(folder)
    assert new(model=str(tmp_path / "m")) == 2
    assert "its MistralAttention asks for sliding_window" in capsys.readouterr().err
    assert state(folder) == before


def test_it_is_called_in_the_repository(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert new() == 2
    assert "Snakefile: no such file" in capsys.readouterr().err


def test_a_reader_that_stops_early_is_no_error(folder):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-u", "-m", "cliff_tokens", "new", "mine", "--model", "owner/name"]
    done = subprocess.run(
        [*command, "--problems", "my problems.jsonl"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=writer, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(writer)
    assert (done.stderr, done.returncode) == ("", 141)
    assert (folder / "config/mine.yaml").exists()
