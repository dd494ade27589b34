"""A synthetic run as its rules leave it in results/r: tables with the records of their making."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from cliff_tokens import provenance, tables
from cliff_tokens.stages import cliffs
from cliff_tokens.stages.audit import audit
from cliff_tokens.stages.recursion import estimate_recursive
from helpers import synthetic

COUNTS = dict.fromkeys(("unparsed", "timeouts", "truncated", "generated_tokens"), 0)


def write(path: str, frame: pd.DataFrame, rule: str, inputs=(), **params) -> None:
    """Write a table with the record of a job that read these files."""
    job = SimpleNamespace(rule=rule, wildcards={}, params=params, input=inputs)
    tables.write(frame, path, path.split("/")[2], provenance.record(job))


def write_run(changed=None, models=("small", "large"), **shape) -> dict[str, pd.DataFrame]:
    """Write results/r below the working directory: frames of all its tables by name.

    ``changed`` takes the frames before they are written; ``shape`` is of ``synthetic.run``.
    """
    frames = synthetic.run(
        models=models, datasets=("chains",), **{"seed": 3, "problems": 4} | shape
    )
    frames |= _recursion(frames)
    if changed is not None:
        changed(frames)
    write("results/r/problems/chains.parquet", frames["problems"], "select_problems")
    for model in models:
        _write_model(f"{model}/chains.parquet", model, frames)
    return frames


def _write_model(owner: str, model: str, frames: dict[str, pd.DataFrame]) -> None:
    def path(table: str) -> str:
        return f"results/r/{table}/{owner}"

    def own(name: str) -> pd.DataFrame:
        frame = frames[name]
        key = "trace_id" if "trace_id" in frame else "cliff_id"
        return frame[frame[key].str.startswith(f"{model}/")]

    rule = {"test": {"margin": 0.1, "z": 1.645}}
    write(path("traces"), own("traces"), "sample_traces", ["results/r/problems/chains.parquet"])
    for table in ("tokens", "alternatives"):
        write(path(table), own(table), "score_tokens", [path("traces")])
    write(path("potential"), own("potential"), "join_potential")
    write(path("branches/recursive"), own("branches"), "join_branches")
    read = [path("traces"), path("tokens")]
    for estimator, counts in (("independent", "potential"), ("recursive", "branches/recursive")):
        name = "estimates" if estimator == "independent" else "recursive"
        estimates = path(f"estimates/{estimator}")
        write(estimates, own(name), f"estimate_{estimator}", [path(counts), *read])
        found = own("cliffs" if estimator == "independent" else "recursive_cliffs")
        write(path(f"cliffs/{estimator}"), found, "detect_cliffs", [estimates, *read], **rule)
    found = path("cliffs/independent")
    plan, shortlist = path("plans/resampling/independent"), path("shortlist/independent")
    write(plan, tables.empty("plans"), "plan_resampling", [found])
    write(path("resampling/independent"), own("resampling"), "join_resampling", [plan])
    write(shortlist, tables.empty("shortlist"), "list_candidates", [found])
    write(path("candidates/independent"), own("candidates"), "join_candidates", [shortlist])
    audited = audit(
        own("cliffs"), own("potential"), own("estimates"), own("resampling"), synthetic.TEST
    )
    write(path("audit"), audited, "audit_cliffs", [found, path("resampling/independent")])


def _recursion(frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Alternatives wherever the sampler had a choice, their branches, and what follows."""
    rng = np.random.default_rng(7)
    open_ = frames["tokens"][frames["tokens"]["sampler_probability"] < 1]
    parts = [
        pd.DataFrame(
            {
                "trace_id": open_["trace_id"],
                "t": open_["t"],
                "token_id": (open_["token_id"] + step) % 200,
                "probability": (1 - open_["sampler_probability"]) * share,
            }
        )
        for step, share in ((1, 0.75), (150, 0.25))
    ]
    alternatives = pd.concat(parts, ignore_index=True)
    branches = alternatives.rename(columns={"token_id": "first_token_id"}).assign(
        rollouts=8, successes=rng.binomial(8, 0.5, len(alternatives)), **COUNTS
    )
    branches = branches.drop(columns="probability")
    estimates = estimate_recursive(frames["traces"], frames["tokens"], branches)
    found = cliffs.detect(
        estimates, frames["traces"], frames["tokens"], synthetic.TEST, synthetic.CERTAIN
    )
    return {
        "alternatives": alternatives,
        "branches": branches,
        "recursive": estimates,
        "recursive_cliffs": found,
    }
