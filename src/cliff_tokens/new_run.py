"""A run of one's own: two catalogue entries and a short plan, from a model and a file of problems.

Everything is checked before the first file is written: the problems are read and proven, each is
put into the model's chat template, and the three files are held against their schemas.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from cliff_tokens import catalogue
from cliff_tokens.exhibits.table_cost_plan import Assumptions, Budget, Work, plan
from cliff_tokens.provenance import write_whole
from cliff_tokens.script import open_tokenizer, read_rows
from cliff_tokens.stages import problems
from cliff_tokens.stages.questions import Questions

MODELS, DATASETS, DEFAULTS = "config/models.yaml", "config/datasets.yaml", "config/config.yaml"
SCHEMAS = "workflow/schemas"
INSTRUCTION = r"Work through the problem one step at a time and end with the answer in \boxed{}."
_PLAIN = {"template": "Question: {question}\nAnswer: {answer}", "until": "\n\n"}
_HUB = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_FIRST = 20  # problems of a first run
_CONTEXT = 4096  # of a model that is not here to be asked


class NewRunError(ValueError):
    """A model, file or name from which no run can be made."""


@dataclass(frozen=True)
class Wish:
    """What somebody wants to run.

    Args:
        run: name of the run.
        model: folder of a model, or its id on the Hub.
        problems: file of problems.
        question: its column of questions.
        answer: its column of gold answers.
        max_tokens: limit on a response; None: half of the model's positions, at most 512.
    """

    run: str
    model: str
    problems: str
    question: str = "question"
    answer: str = "answer"
    max_tokens: int | None = None


def write_run(wish: Wish) -> str:
    """Write entries and plan into the repository at hand; says what it did, and what comes next."""
    config = Path(f"config/{wish.run}.yaml")
    _check_place(config)
    models = catalogue.load(MODELS, f"{SCHEMAS}/models.schema.yaml")
    datasets = catalogue.load(DATASETS, f"{SCHEMAS}/datasets.schema.yaml")
    model_name, model = _entry(models, _model(wish.model), wish.model)
    dataset = _dataset(wish, model)
    dataset_name, dataset = _entry(datasets, dataset, Path(wish.problems).stem)
    asked = problems.select(dataset_name, dataset, None, 0, read_rows(dataset)).asked
    dataset = _asked_by(model, dataset, asked)
    plan_text = _plan_text(wish.run, model_name, dataset_name, len(asked))
    merged = _merged(catalogue.read(DEFAULTS), yaml.safe_load(plan_text))
    new = (
        (MODELS, models, model_name, model, "models"),
        (DATASETS, datasets, dataset_name, dataset, "datasets"),
    )
    for path, entries, name, entry, kind in new:
        catalogue.check({**entries, name: entry}, f"{SCHEMAS}/{kind}.schema.yaml", path)
    catalogue.check(merged, f"{SCHEMAS}/config.schema.yaml", config)
    lines = []
    for path, entries, name, entry, _ in new:
        if name in entries:
            lines.append(f"{path}: has {name} already")
        else:
            text = Path(path).read_text(encoding="utf-8").rstrip("\n")
            write_whole(Path(path), f"{text}\n\n{_entry_text(name, entry)}")
            lines.append(f"{path}: {name} added; its comments say what to look at")
    write_whole(config, plan_text)
    lines.append(f"{config}: written")
    return "\n".join([*lines, "", *_next(wish.run, model, merged, dataset, len(asked))])


def _check_place(config: Path) -> None:
    missing = [path for path in ("Snakefile", MODELS, DATASETS) if not Path(path).is_file()]
    if missing:
        raise NewRunError(
            f"{missing[0]}: no such file in {Path.cwd()}; expected to be called in the "
            "folder of the repository"
        )
    if config.exists():
        raise NewRunError(f"{config}: is there already; expected another name for the run")


def _entry(entries: Mapping, entry: dict, called: str) -> tuple[str, dict]:
    """The entry of the catalogue with the same origin, or this one under a name of its own."""
    origin = next(key for key in ("path", "hub", "file") if key in entry)
    for name, other in entries.items():
        if other.get(origin) == entry[origin]:
            return name, other
    base = re.sub(r"[^a-z0-9.-]+", "-", Path(called).name.lower()).strip("-.") or origin
    name = next(
        name for name in (base, *(f"{base}-{number}" for number in range(2, 1000)))
        if name not in entries
    )  # fmt: skip
    return name, entry | {"label": name}


def _model(model: str) -> dict:
    folder = Path(model)
    entry = {"engine": "transformers", "chat": {}}
    if folder.is_dir():
        place = folder.absolute()
        inside = place.is_relative_to(Path.cwd())
        path = str(place.relative_to(Path.cwd()) if inside else place)
        settings = _json(folder / "generation_config.json")
        sampler = {
            "temperature": float(settings.get("temperature") or 1.0),
            "top_p": float(settings.get("top_p") or 1.0),
            "top_k": int(settings.get("top_k") or 0),
        }
        context = int(_json(folder / "config.json").get("max_position_embeddings", _CONTEXT))
        entry = {"path": path, **entry, "sampler": sampler, "context": context}
    elif _HUB.fullmatch(model) and not folder.exists():
        sampler = {"temperature": 1.0, "top_p": 1.0, "top_k": 0}
        entry = {"hub": model, "revision": None, "gated": False, **entry, "sampler": sampler}
        entry["context"] = _CONTEXT
    else:
        raise NewRunError(
            f"--model: found {model!r}; expected a folder with config.json, safetensors and a "
            "tokenizer, or an id on the Hub, OWNER/NAME"
        )
    return entry | {"license": "not stated", "label": model}


def _dataset(wish: Wish, model: Mapping) -> dict:
    most = min(512, model["context"] // 2)
    return {
        "file": wish.problems,
        "question": wish.question,
        "answer": wish.answer,
        "max_tokens": most if wish.max_tokens is None else wish.max_tokens,
        "system": INSTRUCTION,
        "version": 1,
        "license": "not stated",
        "label": wish.problems,
    }


def _asked_by(model: Mapping, dataset: dict, asked: pd.DataFrame) -> dict:
    """The entry as this model can be asked: in turns, without system message, or as plain text."""
    if "hub" in model:
        return dataset  # its template is not here yet
    tokenizer = open_tokenizer(catalogue.opens(model))
    if not tokenizer.has_turns:
        return dataset | {"plain": _PLAIN, "answer_from": "last_number"}
    entries = [dataset, dataset | {"system": None}]  # some templates take no instruction
    for entry in entries:
        questions = Questions.of(catalogue.questions(entry, 1))
        try:
            for question in asked["question"]:
                questions.prompt_ids(question, tokenizer)
            return entry
        except ValueError:
            if entry is entries[-1]:
                raise


def _plan_text(run: str, model: str, dataset: str, count: int) -> str:
    limit = _FIRST if count > _FIRST else "null"
    return f"""\
# yaml-language-server: $schema=../workflow/schemas/config.schema.yaml
#
# Written by `cliff-tokens new`. What is not named here is as in config.yaml.

run: {run}
models: [{model}]
datasets: [{dataset}]
problems: {{limit: {limit}}}   # the first ones, to begin with; null asks all {count}
potential:
  estimators: [recursive]   # add independent for the published protocol: 25 times the rollouts
  main: recursive
agreement: {{pairs: []}}      # takes a second model that shares the tokens
training: {{models: []}}      # name the model to train it on its cliffs (docs/dpo.md)
cost: {{tokens_per_second: null}}   # of your machine, for the hours in cost_plan
"""


def _entry_text(name: str, entry: Mapping) -> str:
    notes = {
        "sampler": "potential is that of a model and a sampler: yours?",
        "license": "yours to state",
        "max_tokens": "of a whole response; one that is cut counts as wrong",
        "system": "answers are read from the last box: what asks for one",
        "answer_from": "where answers are read from",
        "context": "most tokens of prompt and response together",
    }
    lines = [f"{name}:"]
    for key, value in entry.items():
        style = {"sort_keys": False, "allow_unicode": True, "width": 10**6}
        if isinstance(value, Mapping):
            value = yaml.safe_dump(value, default_flow_style=True, **style).strip()
            text = f"{key}: {value}"
        else:
            text = yaml.safe_dump({key: value}, **style).strip()
        lines.append(f"  {text}   # {notes[key]}" if key in notes else f"  {text}")
    return "\n".join(lines) + "\n"


def _next(run: str, model: Mapping, config: Mapping, dataset: Mapping, count: int) -> list[str]:
    asked = min(count, config["problems"]["limit"] or count)
    length = dataset["max_tokens"] / 2
    budget = Budget(
        config["resampling"]["rollouts"],
        config["candidates"]["rollouts"],
        config["candidates"]["top"],
        config["cut_points"]["rollouts"],
    )
    stages = ["traces", "recursive", "resampling", "candidates", "cut_points"]
    branches = config["potential"]["branches"]
    work = Work("analysis", "own", 1, stages, branches=branches)
    expected = {"own": {"problems": asked, "tokens": length}}
    rows = plan([work], expected, None, budget, Assumptions(**config["cost"]["assumed"]), None)
    tokens = rows.loc[rows["dataset"].eq("own")].set_index("stage")["generated_tokens"]
    shares = ", ".join(f"{stage} {count / 1e6:.2f}" for stage, count in tokens.items())
    command = f"snakemake --cores 2 --configfile config/{run}.yaml"
    return [
        f"{asked} of {count} problems; predicted, with answers of {length:.0f} tokens and cliffs "
        "as often as on the testbed:",
        f"  {tokens.sum() / 1e6:.2f} million tokens ({shares})",
        "",
        "next:",
        *(["  snakemake --cores 1 resolve_revisions"] if "hub" in model else []),
        f"  {command.replace('--cores 2', '-n --quiet rules')}   # what would run",
        f"  {command}",
        f"  cliff-tokens trace results/{run}",
    ]


def _merged(base: Mapping, changes: Mapping) -> dict:
    """As Snakemake merges run files: mappings key by key, all else replaced."""
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def _json(path: Path) -> dict:
    """A model's settings; none where the file is not there."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise NewRunError(f"{path}: not JSON ({error})") from error
