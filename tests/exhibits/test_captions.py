"""Captions of the report, with the numbers of every plan filled in."""

from types import SimpleNamespace

import pytest
from helpers.repository import ROOT, merge


@pytest.mark.parametrize("plan", ["config", "paper", "smoke"])
@pytest.mark.parametrize(
    "caption", sorted(ROOT.glob("workflow/report/*.rst")), ids=lambda p: p.stem
)
def test_captions_fill_in_the_numbers_of_every_plan(caption, plan):
    jinja2, yaml = pytest.importorskip("jinja2"), pytest.importorskip("yaml")
    base, changes = (
        yaml.safe_load((ROOT / f"config/{name}.yaml").read_text()) for name in ("config", plan)
    )
    merged = merge(base, changes)
    strict = jinja2.Environment(undefined=jinja2.StrictUndefined)
    job = SimpleNamespace(config=merged, rule=caption.stem)
    text = strict.from_string(caption.read_text()).render(snakemake=job)
    assert "{" not in text
    assert "None" not in text
