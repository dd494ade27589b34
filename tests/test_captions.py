"""Captions of the report, with the numbers of every plan filled in, as Markdown and as HTML."""

import pytest
from docutils.utils import SystemMessage
from helpers.repository import ROOT, merge

from cliff_tokens import captions

jinja2, yaml = pytest.importorskip("jinja2"), pytest.importorskip("yaml")
FILES = sorted(ROOT.glob("workflow/report/*.rst"))


def plan(name):
    base, changes = (
        yaml.safe_load((ROOT / f"config/{one}.yaml").read_text()) for one in ("config", name)
    )
    return merge(base, changes)


@pytest.mark.parametrize("name", ["config", "paper", "smoke"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_captions_fill_in_the_numbers_of_every_plan(path, name):
    text = captions.fill(path, plan(name))
    assert "{" not in text
    assert "None" not in text
    assert "``" not in captions.to_markdown(text)
    assert "<p>" in captions.to_html(text)


def test_what_shows_the_main_catalogue_names_its_estimator():
    rules = "".join(
        (ROOT / f"workflow/rules/{name}.smk").read_text() for name in ("figures", "tables")
    )
    blocks = {block.split(" ", 1)[0]: block for block in rules.split("use rule exhibit as ")[1:]}
    shown = [name for name, block in blocks.items() if ", MAIN" in block]
    assert len(shown) > 20
    for name in shown:
        texts = [
            captions.fill(
                ROOT / f"workflow/report/{name}.rst",
                merge(plan("config"), {"potential": {"main": estimator}}),
            )
            for estimator in ("recursive", "independent")
        ]
        assert texts[0] != texts[1], name


def test_what_the_configuration_does_not_have_is_an_error(tmp_path):
    path = tmp_path / "figure_x.rst"
    path.write_text('Rule {{ snakemake.rule }}, {{ snakemake.config["runn"] }}')
    with pytest.raises(jinja2.UndefinedError, match="runn"):
        captions.fill(path, {"run": "r"})
    assert captions.fill(path, {"runn": "<b>"}) == "Rule figure_x, <b>"


def test_a_caption_becomes_no_markup_and_reads_no_file(tmp_path):
    assert "<b>" not in captions.to_html("A <b>word</b>, *set off* and ``so``.")
    (tmp_path / "secret").write_text("secret")
    for text in (f".. include:: {tmp_path}/secret", ".. raw:: html\n\n   <script>"):
        with pytest.raises(SystemMessage):
            captions.to_html(text)
