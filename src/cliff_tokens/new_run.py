"""A run of one's own: two catalogue entries and a short plan, from a model and a file of problems.

Everything is checked before the first file is written: the model's folder is opened without its
weights in memory, the problems are read and proven, each is put as the model will be asked it and
counted in tokens, and the three files are held against their schemas.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from cliff_tokens import catalogue
from cliff_tokens.exhibits.table_cost_plan import Assumptions, Budget, Work, plan
from cliff_tokens.policies import check_ids
from cliff_tokens.policies.suggestion import FILE, suggested
from cliff_tokens.policies.tokenizer import ChatTokenizer
from cliff_tokens.provenance import write_whole
from cliff_tokens.script import open_tokenizer, read_rows
from cliff_tokens.stages import problems
from cliff_tokens.stages.extraction import BOX
from cliff_tokens.stages.questions import Questions

MODELS, DATASETS, DEFAULTS = "config/models.yaml", "config/datasets.yaml", "config/config.yaml"
SCHEMAS = "workflow/schemas"
INSTRUCTION = r"Work through the problem one step at a time and end with the answer in \boxed{}."
_PLAIN = {"template": "Question: {question}\nAnswer: {answer}", "until": "\n\n"}
_HUB = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_FIRST = 20  # problems of a first run
_CONTEXT = 4096  # of a model that is not here to be asked, or whose folder does not say
_ORIGINS = ("path", "hub", "file")
_WORDS = ("label", "license", "version")  # what they say changes nothing that is measured
# What is decided here. What else an entry says (shots, duplicates, chat) is its author's.
_DECIDED = {
    *_ORIGINS, "revision", "gated", "engine", "sampler", "context", "question", "answer",
    "max_tokens", "system", "plain", "answer_from", "version", "label",
}  # fmt: skip


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


@dataclass(frozen=True)
class _Model:
    """A model's entry, the size of its vocabulary (None: it is not here), and what to say of it."""

    entry: dict
    vocabulary: int | None = None
    said: tuple[str, ...] = ()


def write_run(wish: Wish) -> str:
    """Write entries and plan into the repository at hand; says what it did, and what comes next."""
    config = Path(f"config/{wish.run}.yaml")
    _check_place(config)
    models = catalogue.load(MODELS, f"{SCHEMAS}/models.schema.yaml")
    datasets = catalogue.load(DATASETS, f"{SCHEMAS}/datasets.schema.yaml")
    model = _model(wish.model, models)
    model_name = _name(models, model.entry, wish.model)
    dataset = _with_known(datasets, _dataset(wish, model.entry))
    rows, called = read_rows(dataset), Path(wish.problems).stem
    asked = problems.select(_name(datasets, dataset, called), dataset, None, 0, rows).asked
    places = [str(rows.index[row]) for row in asked["source_row"]]
    dataset = _asked_by(model, dataset, dict(zip(places, asked["question"], strict=True)))
    dataset_name = _name(datasets, dataset, called)
    plan_text = _plan_text(wish.run, model_name, dataset_name, len(asked))
    merged = _merged(catalogue.read(DEFAULTS), yaml.safe_load(plan_text))
    new = (
        (MODELS, models, model_name, model.entry | {"label": model_name}, "models"),
        (DATASETS, datasets, dataset_name, dataset | {"label": dataset_name}, "datasets"),
    )
    for path, entries, name, entry, kind in new:
        catalogue.check({**entries, name: entry}, f"{SCHEMAS}/{kind}.schema.yaml", path)
    catalogue.check(merged, f"{SCHEMAS}/config.schema.yaml", config)
    lines = [*model.said]
    for path, entries, name, entry, _ in new:
        if name in entries:
            lines.append(f"{path}: has {name} already")
        else:
            text = Path(path).read_text(encoding="utf-8").rstrip("\n")
            write_whole(Path(path), f"{text}\n\n{_entry_text(name, entry)}")
            lines.append(f"{path}: {name} added; its comments say what to look at")
            lines += _others(path, entries, entry)
    write_whole(config, plan_text)
    lines.append(f"{config}: written")
    return "\n".join([*lines, "", *_next(wish.run, model.entry, merged, dataset, len(asked))])


def _check_place(config: Path) -> None:
    missing = [path for path in ("Snakefile", MODELS, DATASETS) if not Path(path).is_file()]
    if missing:
        raise NewRunError(
            f"{missing[0]}: no such file in {Path.cwd()}; expected to be called in the "
            "folder of the repository"
        )
    if config.exists():
        raise NewRunError(f"{config}: is there already; expected another name for the run")


def _name(entries: Mapping, entry: dict, called: str) -> str:
    """The name of the entry that says the same but for its words, or a free one like ``called``."""
    for name, other in entries.items():
        if not _differing(entry, other):
            return name
    base = re.sub(r"[^a-z0-9.-]+", "-", Path(called).name.lower()).strip("-.") or "mine"
    return next(
        name for name in (base, *(f"{base}-{number}" for number in range(2, 1000)))
        if name not in entries
    )  # fmt: skip


def _differing(entry: Mapping, other: Mapping) -> list[str]:
    """Keys of which two entries say different things that change what is measured."""
    one, two = ({"answer_from": BOX, **said} for said in (entry, other))
    return sorted(
        key for key in {*one, *two} if key not in _WORDS and one.get(key) != two.get(key)
    )  # fmt: skip


def _of_origin(entries: Mapping, entry: Mapping) -> dict:
    """The entries of the same folder, repository or file, by name."""
    return {
        name: other
        for name, other in entries.items()
        if all(other.get(key) == entry.get(key) for key in _ORIGINS)
    }


def _with_known(entries: Mapping, entry: dict) -> dict:
    """The entry with what the first one of its origin and engine says of what is not decided here.

    Worked examples and how a file is read were written by hand and hold for the file.
    """
    for other in _of_origin(entries, entry).values():
        if other.get("engine") == entry.get("engine"):
            return entry | {key: value for key, value in other.items() if key not in _DECIDED}
    return entry


def _others(path: str, entries: Mapping, entry: Mapping) -> list[str]:
    """Lines that tell an entry from those of the same origin."""
    (origin,) = (key for key in _ORIGINS if key in entry)
    return [
        f"{path}: {name} has the same {origin} and differs in {', '.join(_differing(entry, other))}"
        "; name it in the plan if it is the one that is meant"
        for name, other in _of_origin(entries, entry).items()
    ]


def _model(model: str, models: Mapping) -> _Model:
    """A model as it would be entered; one of the Hub as it stands there, where it is known."""
    folder = Path(model)
    if folder.is_dir():
        return _from_folder(folder, models)
    if not _HUB.fullmatch(model) or folder.exists():
        raise NewRunError(
            f"--model: found {model!r}; expected a folder with config.json, safetensors and a "
            "tokenizer, or an id on the Hub, OWNER/NAME"
        )
    entry = {
        "hub": model,
        "revision": None,
        "gated": False,
        "engine": "transformers",
        "chat": {},
        "sampler": {"temperature": 1.0, "top_p": 1.0, "top_k": 0},
        "context": _CONTEXT,
        "license": "not stated",
    }
    # Nothing of it is here: what somebody wrote of it is better than what is assumed.
    for other in _of_origin(models, entry).values():
        return _Model(other)
    return _Model(entry, said=(f"{model}: is not here; its sampler and context are guesses",))


def _from_folder(folder: Path, models: Mapping) -> _Model:
    """The entry of a model that is here, which is refused by what its first job would refuse."""
    from cliff_tokens.policies.transformers import check_folder  # which imports PyTorch

    place, here = folder.absolute(), Path.cwd()
    sampler, left_out = suggested(folder)
    said = []
    if left_out:
        said.append(
            f"{folder / FILE}: {', '.join(left_out)}: left out, the sampler here has temperature, "
            "top_p and top_k only"
        )
    if sampler["temperature"] == 0:
        said.append(
            f"{folder / FILE}: asks for greedy answers, temperature 0: all rollouts from a prefix "
            "are one, and no cliff can be found"
        )
    positions, vocabulary = check_folder(folder)
    file = folder / "config.json"
    known = [most for most in (catalogue.positions(file), positions) if most is not None]
    context = min(known, default=_CONTEXT)
    if context < 2:
        raise NewRunError(f"{file}: expected at least 2 positions, found {context}")
    if not known:
        said.append(f"{file}: names no positions; context {_CONTEXT} is a guess")
    entry = {
        "path": str(place.relative_to(here) if place.is_relative_to(here) else place),
        "engine": "transformers",
        "chat": {},
        "sampler": sampler,
        "context": context,
        "license": "not stated",
    }
    return _Model(_with_known(models, entry), vocabulary, tuple(said))


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
    }


def _asked_by(model: _Model, dataset: dict, questions: Mapping[str, str]) -> dict:
    """The entry as this model can be asked: in turns, without system message, or as plain text.

    ``questions`` are called by their places in the file, by which one is refused that cannot be
    asked, or after which the context has no room for an answer.
    """
    if model.vocabulary is None:
        return dataset  # its template is not here yet
    tokenizer = open_tokenizer(catalogue.opens(model.entry))
    if not tokenizer.has_turns:
        dataset = dataset | {"plain": _PLAIN, "answer_from": "last_number"}
    # Some templates take no instruction, and some tokenizers have no tokens for its words.
    for way in (dataset, dataset | {"system": None}):
        lengths, faults = _prompts(way, questions, tokenizer, model)
        if not faults:
            _refuse_long(way, lengths, model.entry["context"])
            return way
    raise NewRunError(f"{dataset['file']}: {_first(list(faults))}: {next(iter(faults.values()))}")


def _prompts(
    way: Mapping, questions: Mapping[str, str], tokenizer: ChatTokenizer, model: _Model
) -> tuple[dict[str, int], dict[str, str]]:
    """Tokens of each prompt, and why there is none, by the questions' places in the file."""
    asking, lengths, faults = Questions.of(catalogue.questions(way, 1)), {}, {}
    for place, question in questions.items():
        try:
            ids = asking.prompt_ids(question, tokenizer)
            check_ids(model.entry["path"], model.vocabulary, [ids])
            lengths[place] = len(ids)
        except ValueError as error:
            faults[place] = str(error)
    return lengths, faults


def _refuse_long(way: Mapping, lengths: Mapping[str, int], context: int) -> None:
    """Refuse prompts (place in the file -> tokens) that leave no room for ``max_tokens``."""
    most = context - way["max_tokens"]
    long = [place for place in lengths if lengths[place] > most]
    long.sort(key=lengths.get, reverse=True)
    if long:
        length = lengths[long[0]]
        left = f"--max-tokens {context - length} or less" if length < context else "a shorter one"
        raise NewRunError(
            f"{way['file']}: {_first(long)}: the prompt of {length} tokens and max_tokens "
            f"{way['max_tokens']} exceed the model's context of {context}; expected {left}"
        )


def _first(places: list[str]) -> str:
    return places[0] if len(places) == 1 else f"{places[0]} (and {len(places) - 1} more)"


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
