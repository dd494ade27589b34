"""The paper index and its numbers: complete, consistent, and what the documents say."""

import re

import pytest

from cliff_tokens import catalogue
from cliff_tokens.paper_index import complete, exhibits, needing, read_published
from cliff_tokens.scorecard.claims import CLAIMS

TRACES = 230  # of each model: 100 of GSM1K, 100 of MATH500, 30 of AIME25


@pytest.fixture(scope="module")
def index(root):
    entries = catalogue.load(
        root / "config/paper_index.yaml", root / "workflow/schemas/paper_index.schema.yaml"
    )
    return complete(entries, read_published(root / "config/published.csv"))


@pytest.fixture(scope="module")
def rules(root):
    texts = [path.read_text() for path in (root / "workflow/rules").glob("*.smk")]
    named = re.findall(
        r"^(?:use rule \w+ as|rule) (\w+)(?: with)?:", "\n".join(texts), re.MULTILINE
    )
    return set(named)


def published(index, item, quantity):
    return [n for n in index[item]["published"] if n["quantity"] == quantity]


def test_every_target_is_a_rule(index, rules):
    targets = {entry["target"] for entry in index.values() if entry["target"]}
    assert targets <= rules


def test_every_figure_and_table_of_the_rules_has_an_entry(index, rules):
    targets = {entry["target"] for entry in index.values()}
    assert {rule for rule in rules if rule.startswith(("figure_", "table_"))} <= targets


def test_what_has_no_published_number_says_why(index):
    silent = [name for name, entry in index.items() if not entry["published"]]
    assert all(index[name]["note"] for name in silent)


def test_no_entry_says_what_its_name_says(root, index):
    entries = catalogue.read(root / "config/paper_index.yaml")
    for name, entry in entries.items():
        without = {key: value for key, value in entry.items() if key in ("title", "claim")}
        if "target" in entry:
            without["target"] = entry["target"]
        (implied,) = complete({name: without}).values()
        for key in ("part", "file", "values"):
            assert key not in entry or entry[key] != implied[key], (name, key)
        assert entry.get("target") != name


def test_published_numbers_stand_in_the_order_of_the_index(root, index):
    items = [number["item"] for number in read_published(root / "config/published.csv")]
    assert list(dict.fromkeys(items)) == [name for name in index if name in set(items)]


def test_a_run_that_has_everything_makes_every_exhibit(index):
    for kind in ("figure", "table"):
        everything = exhibits(index, kind, ["pairs", "audit", "dpo", "published", "truth", "cost"])
        assert everything == [
            name for name in index if index[name]["target"] == name and index[name]["part"] == kind
        ]
        assert not set(exhibits(index, kind, [])) & set(needing(index, kind, "dpo"))
    assert needing(index, "figure", "audit") == ["figure_audit", "figure_forced_runs"]
    assert needing(index, "table", "cost") == ["table_cost", "table_cost_plan"]
    assert "figure_04_cliff_mass_and_transfer" in needing(index, "figure", "pairs")


def test_figures_1_to_17_stand_in_the_papers_order(index):
    numbers = [entry["number"] or "" for entry in index.values()]
    figures = [int(number.split()[1]) for number in numbers if re.match(r"Figure \d", number)]
    # 7 to 10 are Figure 5 of other models, by the release's numbers.
    assert figures == [1, 2, 3, 4, 5, 6, *range(11, 18)]


def test_files_are_named_after_a_target(index):
    targets = {entry["target"] for entry in index.values()}
    for name, entry in index.items():
        for key in ("file", "values"):
            if entry[key]:
                folder, file = entry[key].split("/")
                assert file.rsplit(".", 1)[0] in targets, name
                assert folder == (
                    "figures" if file.startswith(("figure_", "example_")) else "tables"
                )


def test_claims_of_the_index_are_those_of_the_scorecard(index):
    named = [claim for entry in index.values() for claim in entry["claims"]]
    assert sorted(named) == sorted(CLAIMS)


def test_a_mark_is_of_a_claim_of_its_entry_and_of_one_word(index):
    for name, entry in index.items():
        marked = [*entry["by_construction"], *entry["selection"]]
        assert len(marked) == len(set(marked)), name
        assert set(marked) <= set(entry["claims"]), name


def test_published_models_and_data_sets_are_in_the_catalogues(root, index):
    models = catalogue.read(root / "config/models.yaml").keys() | {"all"}
    datasets = catalogue.read(root / "config/datasets.yaml").keys() | {"all"}
    for entry in index.values():
        for number in entry["published"]:
            where = number["where"]
            assert {
                where[key] for key in ("model", "source", "evaluator") if key in where
            } <= models
            assert where.get("dataset", "all") in datasets


def test_published_shares_are_whole_counts(index):
    for name, entry in index.items():
        for number in entry["published"]:
            if "/" in number["quantity"]:
                count = number["value"] * number["n"]
                assert count == pytest.approx(round(count), abs=0.005), (name, number)
                assert 0 <= number["value"] <= 1


def test_outcomes_add_up_to_the_traces_of_a_model(index):
    sizes = {}
    for number in published(index, "figure_02_share_with_cliff", "with_cliff/n"):
        model = number["where"]["model"]
        sizes[model] = sizes.get(model, 0) + number["n"]
    assert len(sizes) == 7
    assert set(sizes.values()) == {TRACES}
    for number in published(index, "table_accuracy", "correct/n"):
        assert number["n"] == TRACES


def test_cliffs_add_up_between_figure_3_and_the_kinds(index):
    traces = {
        (number["where"]["model"], number["where"]["outcome"]): number["n"]
        for number in published(index, "figure_02_share_with_cliff", "with_cliff/n")
    }
    cliffs = {}
    for number in published(index, "figure_03_cliffs_per_trace", "cliffs_per_trace"):
        where = number["where"]
        count = number["value"] * traces[where["model"], where["outcome"]]
        assert count == pytest.approx(round(count), abs=0.001)
        cliffs[where["model"]] = cliffs.get(where["model"], 0) + round(count)
    kinds = published(index, "table_taxonomy", "cliffs/n")
    assert {number["where"]["model"]: number["n"] for number in kinds} == cliffs
    assert sum(cliffs.values()) == 659
    # Six cliffs are in the fourth cell, which the paper drops: 653 = 201 + 219 + 233.
    counts = [round(number["value"] * number["n"]) for number in kinds]
    assert sum(counts) == 653
    pooled = published(index, "number_kinds", "cliffs/n")
    assert [round(number["value"] * number["n"]) for number in pooled] == [201, 219, 233]


def test_every_claim_of_the_paper_has_its_revision_and_what_became_of_it(index):
    for name, entry in index.items():
        assert (entry["revision"] is None) == entry["claim"].startswith("Ours:"), name
        assert (entry["revision"] == "revised") == (entry["became"] == "new"), name
        # What was weakened says what stands in its place.
        assert entry["now"] or entry["became"] != "retreated", name
    first = {name for name, entry in index.items() if entry["became"] == "retreated"}
    assert {"figure_16_pass_at_k_incorrect", "number_dpo_gain", "number_44_of_46"} <= first


def test_the_first_cliff_of_the_revised_release_is_on_as_many_cells_as_cliffs_are(index):
    def cells(item):
        return {
            (number["where"]["model"], number["where"]["dataset"])
            for number in index[item]["published"]
        }

    assert cells("table_first_cliff") == cells("figure_16_pass_at_k_incorrect")


def test_44_of_46_is_the_same_number_wherever_it_is_quoted(index):
    (headline,) = published(index, "number_44_of_46", "first/n")
    assert headline["n"] == 46
    assert round(headline["value"] * 46) == 44
    (same,) = [
        number
        for number in published(index, "figure_12_ranks_deterministic", "first/n")
        if number["where"] == headline["where"]
    ]
    assert same["value"] == headline["value"]


def test_deletion_recovers_in_all_published_cells(index):
    cells = index["figure_16_pass_at_k_incorrect"]["published"]
    deleted = [n for n in cells if n["where"]["arm"] == "del" and n["where"]["k"] == "64"]
    # 21 cells of seven models and three data sets, of which two have no cliff: 19 settings.
    assert len(deleted) == 19
    # A cliff has at least 12 of 64 successes before it: 64 fresh rollouts hardly ever all fail.
    assert all(number["value"] > 0.999 for number in deleted)


# What the README shows of the exhibits; docs/exhibits.md has them all.
SHOWN = (
    "figure_02_share_with_cliff",
    "figure_04_cliff_mass_and_transfer",
    "figure_06_recovery",
    "figure_16_pass_at_k_incorrect",
    "table_dpo_accuracy",
    "figure_audit",
    "figure_estimators",
    "example_traces",
)
PAGE = """# Figures, tables and numbers

Every figure, table and headline number of the paper and what we add to them, in the paper's order,
with the command that makes each (after `source .venv/bin/activate`). A figure stands as svg, pdf
and a csv of the values it shows, a table as Markdown and csv. What the paper claims with it, and
what was published of it, is in [config/paper_index.yaml](../config/paper_index.yaml) and
[config/published.csv](../config/published.csv), from which this page is generated.

`make run` makes all but those that need a reference (target `truth`: {truth})
those that predict a cost ({cost})
and those of the authors' published rollouts (target `audit_published`: {published}).

"""


def table(entries) -> str:
    """Of the paper, what it shows, command, file."""
    lines = ["| of the paper | shows | command | file in `results/testbed/` |", "|---|---|---|---|"]
    for entry in entries:
        command = f"`snakemake --cores 2 {entry['target']}`" if entry["target"] else "–"
        file = f"`{entry['file']}`" if entry["file"] else "–"
        lines.append(f"| {entry['number'] or '–'} | {entry['title']} | {command} | {file} |")
    return "\n".join(lines) + "\n"


def test_the_page_of_exhibits_lists_what_the_index_holds(root, index, fix):
    apart = {
        need: ", ".join(
            f"`{name}`" for kind in ("figure", "table") for name in needing(index, kind, need)
        )
        for need in ("truth", "cost", "published")
    }
    page = PAGE.format(**apart)
    path, current = root / "docs/exhibits.md", page + table(index.values())
    if fix:
        path.write_text(current, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == current, (
        "docs/exhibits.md: run pytest --fix tests/workflow/test_index_of_exhibits.py"
    )


def test_the_readme_lists_some_of_them(root, index, fix):
    path = root / "README.md"
    text = path.read_text(encoding="utf-8")
    begin, end = "<!-- figures -->\n", "<!-- end -->"
    before, rest = text.split(begin)
    rows = table(index[name] for name in SHOWN)
    current = before + begin + rows + end + rest.split(end, 1)[1]
    if fix:
        path.write_text(current, encoding="utf-8")
    else:
        assert text == current, (
            "README.md: run pytest --fix tests/workflow/test_index_of_exhibits.py"
        )
