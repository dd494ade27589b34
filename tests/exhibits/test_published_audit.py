"""docs/audit.md: its numbers are those of docs/published_audit.py, and these are right."""

import importlib.util
import re

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from cliff_tokens.exhibits import style
from cliff_tokens.paper_index import read_published
from cliff_tokens.policies.sampling import Sampler, distribution
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.taxonomy import entropy_threshold
from cliff_tokens.statistics import unpooled_error

TOP_K = {"Qwen3": 20, "Llama": 0, "gemma": 64}


@pytest.fixture(scope="module")
def audit(root):
    spec = importlib.util.spec_from_file_location("audit", root / "docs" / "published_audit.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def page(root, fix, audit):
    path = root / "docs" / "audit.md"
    text = path.read_text()
    if fix:
        for name, table in audit.tables().items():
            marks = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
            start, end = text.index(marks[0]) + len(marks[0]), text.index(marks[1])
            text = f"{text[:start]}\n{table}\n{text[end:]}"
        path.write_text(text)
    return text


def test_the_tables_are_those_of_the_script(audit, page):
    shown = dict(re.findall(r"<!-- begin: (\w+) -->\n(.*?)\n<!-- end: \1 -->", page, re.DOTALL))
    assert shown == audit.tables(), "run: pytest tests/exhibits/test_published_audit.py --fix"


def test_the_figure_is_that_of_the_script(root, fix, audit, tmp_path):
    kept, again = root / "docs" / "figures" / "published_audit.svg", tmp_path / "again.svg"
    style.save(audit.draw(), again)
    if fix:
        kept.write_bytes(again.read_bytes())
    number = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
    before, after = kept.read_text(), again.read_text()
    assert number.sub("", before) == number.sub("", after)
    values = [np.array(number.findall(text), dtype=float) for text in (before, after)]
    np.testing.assert_allclose(*values, atol=0.01)


def test_quoted_numbers_add_up(audit):
    models, transfer = audit.MODELS, audit.TRANSFER
    assert models[["det", "unc", "off"]].sum().tolist() == [201, 219, 233]
    assert (models["cliffs"].sum(), models["tokens"].sum()) == (659, 1_261_398)
    unclassified = models["cliffs"] - models[["det", "unc", "off"]].sum(axis=1)
    assert unclassified[unclassified > 0].to_dict() == {"Llama-3.2-3B": 3, "gemma-3-4b": 3}
    assert (models["kept"] < models["deleted"]).all()
    assert transfer.sum().tolist() == [117, 117, 139, 46]
    for kind in ("det", "unc"):
        assert (transfer[kind] == models.loc[transfer.index, kind]).all()
        assert (transfer[f"{kind}_certain"] <= transfer[kind]).all()
    assert sum(audit.ONE_TRACE.values()) == 31


def test_cliffs_and_traces_by_outcome_are_those_of_figures_2_and_3(root, audit):
    names = {"llama-3.1-8b-instruct": "Llama-3.1-8B", "llama-3.2-3b-instruct": "Llama-3.2-3B"}
    names |= {"llama-3.2-1b-instruct": "Llama-3.2-1B", "gemma-3-4b-it": "gemma-3-4b"}
    traces, cliffs = {}, {}
    for number in read_published(root / "config/published.csv"):
        cell = number["where"].get("model"), number["where"].get("outcome")
        if number["item"] == "figure_02_share_with_cliff":
            traces[cell] = number["n"]
        if number["item"] == "figure_03_cliffs_per_trace":
            cliffs[cell] = number["value"] * traces[cell]
    assert len(cliffs) == 2 * len(audit.MODELS)
    for (model, outcome), count in cliffs.items():
        row = audit.MODELS.loc[names.get(model, model.replace("qwen", "Qwen").replace("b", "B"))]
        failed = {"incorrect": row["failed"], "correct": audit.TRACES - row["failed"]}
        seen = {"incorrect": row["seen"], "correct": row["cliffs"] - row["seen"]}
        assert traces[model, outcome] == failed[outcome]
        assert count == pytest.approx(seen[outcome], abs=1e-3)


def test_cliffs_are_expected_by_the_potential_after_them(audit, monkeypatch):
    # 10 cliffs, kept with a success in 160 of 640: 7.5 on 23 incorrect traces, 2.5 on 207 others.
    # 20 cliffs, kept with a success in 640 of 1280: 10 on half the traces, 10 on the other half.
    made = pd.DataFrame(
        {"cliffs": [10, 20], "kept": [160, 640], "failed": [23, 115], "seen": [9, 10]},
        index=["a", "b"],
    )
    monkeypatch.setattr(audit, "MODELS", made)
    found = audit.prevalence()
    assert found["expected"].tolist() == [7.5, 10, 17.5]
    assert found.loc["a", "ratio_expected"] == pytest.approx((7.5 / 23) / (2.5 / 207))
    assert found.loc["a", "ratio_seen"] == pytest.approx((9 / 23) / (1 / 207))
    assert found.loc["b", ["ratio_seen", "ratio_expected"]].tolist() == pytest.approx([1, 1])
    assert found.loc["all", "ratio_seen"] == pytest.approx((19 / 138) / (11 / 322))


def test_ratios_that_are_each_a_power_of_the_other_correlate_fully(audit):
    expected = np.array([0.5, 1, 2, 4])
    frame = pd.DataFrame(
        {"ratio_seen": 3 * expected**2, "ratio_expected": expected}, index=list("abcd")
    )
    frame.loc["all"] = [1, 9]
    assert audit.correlation(frame) == pytest.approx(1)
    frame["ratio_seen"] = 1 / frame["ratio_seen"]
    assert audit.correlation(frame) == pytest.approx(-1)


def test_numbers_in_the_text_are_computed(audit, page):
    models, transfer = audit.MODELS, audit.TRANSFER.sum()
    low, top = models["tokens"] * models["low"], audit.flag_rate(0.5)[0]
    four = models.loc[audit.TRANSFER.index]
    rest = four["tokens"] * (1 - four["low"])
    implied = (four["det"] / (four["tokens"] * four["low"]) * rest).sum()
    fresh = audit.remeasured()
    others = fresh["drop"] / (1 - fresh["share"])
    order = stats.spearmanr(*fresh.drop(index="all")[["share", "drop"]].to_numpy().T).statistic
    cliffs = audit.prevalence()
    alike = cliffs.index.str.startswith("Llama")
    others_than_llama = ~alike & (cliffs.index != "all")
    one, one_failed = cliffs.loc["Llama-3.2-1B"], models.loc["Llama-3.2-1B", "failed"]
    said = " ".join(page.split())
    for phrase in (
        f"up to {1e4 * top:.1f} false flags per 10,000 tokens",
        f"near one half at {201 / (top * low.sum()):.1%} of".replace("%", " %"),
        f"give {top * 1_261_398:,.0f} and {audit.uniform_rate() * 1_261_398:,.0f} flags",
        f"drop by {fresh.loc['all', 'drop']:.3f} on average, from "
        f"{fresh.loc['Qwen3-8B', 'drop']:.3f} (Qwen3-8B) to "
        f"{fresh.loc['Llama-3.2-3B', 'drop']:.3f} (Llama-3.2-3B)",
        f"{transfer['unc_certain']} of the {transfer['unc']} uncertain cliffs",
        f"the other {transfer['unc'] - transfer['unc_certain']} p_t alone",
        f"Of the {four[['det', 'unc', 'off']].to_numpy().sum()} classified cliffs of these four "
        f"models, {transfer['det_certain'] + transfer['unc_certain']} are excluded",
        f"implies {implied:.0f} false flags among {four[['unc', 'off']].to_numpy().sum()}",
        f"At most {174 * top:.2f} flags are expected in 174 tokens",
        f"expect {659 * audit.missed(12, 0.5):.2f} of them to miss",
        f"rank correlation {order:.2f}",
        f"by {others['Qwen3-8B']:.2f} in Qwen3-8B and by {others['Llama-3.2-1B']:.2f} in",
        f"Expected are {cliffs.loc['all', 'expected']:.0f} cliffs on incorrect traces; "
        f"{cliffs.loc['all', 'seen']:.0f} are seen",
        f"Of the 659 cliffs {cliffs.loc['all', 'seen']:.0f} are on incorrect traces. The potential "
        f"after them alone implies {cliffs.loc['all', 'expected']:.0f}",
        f"That {cliffs.loc['all', 'seen'] - cliffs.loc['all', 'expected']:.0f} more are seen",
        f"expected ratio correlate at {audit.correlation(cliffs):.2f}",
        f"(ratio {one['ratio_seen']:.2f}), is expected to ({one['ratio_expected']:.2f})",
        f"is {fresh.loc['Llama-3.2-1B', 'kept']:.3f}, which gives "
        f"{one['expected'] / (one['cliffs'] - one['expected']):.1f} cliffs on incorrect traces",
        f"there are {one_failed / (audit.TRACES - one_failed):.1f} incorrect traces for one",
        f"four models: {cliffs.loc[others_than_llama, 'seen'].sum():.0f} seen, "
        f"{cliffs.loc[others_than_llama, 'expected'].sum():.0f} expected",
        f"agree, {cliffs.loc[alike, 'seen'].sum():.0f} are seen and "
        f"{cliffs.loc[alike, 'expected'].sum():.0f} expected",
    ):
        assert phrase in said
    # Two halves of 87 independent flags, one of which holds at least 13 of the 26.
    assert 2 * stats.binom.sf(12, 87, top) < 1e-17


def test_false_flag_rates_agree_with_simulation(audit):
    rng, draws, test = np.random.default_rng(0), 400_000, CliffTest()
    for value in (0.15, 0.3, 0.5, 0.8):
        before, after = rng.binomial(64, value, (2, draws))
        found = int(test.flags((before - after) / 64, unpooled_error(before, after, 64)).sum())
        assert stats.binomtest(found, draws, audit.flag_rate(value)[0]).pvalue > 1e-3
    grid = np.linspace(0, 1, 401)
    assert audit.flag_rate(grid).max() == pytest.approx(audit.flag_rate(0.5)[0], rel=1e-12)
    assert audit.uniform_rate() == pytest.approx(
        integrate.trapezoid(audit.flag_rate(grid), grid), 1e-4
    )


@pytest.mark.parametrize("name", TOP_K)
def test_a_sufficient_probability_is_sufficient_and_no_smaller_one_is(audit, name):
    temperature, top_p = audit.SAMPLERS[name]
    sampler = Sampler(temperature, top_p, TOP_K[name])
    rng = np.random.default_rng(1)
    for bound in (0, 0.1, 0.1875):
        least = audit.sufficient(name, bound)
        p = rng.uniform(least + 1e-9, 1, (500, 1))
        others = rng.dirichlet(np.full(50, 0.05), 500) + 1e-300
        rows = np.log(np.hstack([p, (1 - p) * others]))
        assert (1 - distribution(rows, sampler)[:, 0] <= bound + 1e-12).all()
        just_below = np.log([least - 1e-6, 1 - least + 1e-6])
        assert 1 - distribution(just_below, sampler)[0] > bound


def test_entropy_and_mass_bound_the_probability_of_a_deterministic_cliff(audit):
    rng, limit = np.random.default_rng(2), entropy_threshold(0.99)
    assert audit.probability_floor(1.0) == pytest.approx(0.99)
    p = rng.uniform(0.95, 1, 20_000)
    others = (1 - p)[:, None] * rng.dirichlet(np.full(60, 0.05), len(p))
    candidates = others[:, :20] * (rng.random((len(p), 20)) < 0.5)
    terms = -np.log(np.maximum(candidates, 1e-300)) * candidates
    low = -p * np.log(p) + terms.sum(axis=1) <= limit  # what the candidates alone contribute
    mass = p + candidates.sum(axis=1)
    assert low.sum() > 1000
    for one, total in zip(p[low][:2000], mass[low][:2000], strict=True):
        assert one >= audit.probability_floor(total) - 1e-9
    floors = [audit.probability_floor(mass) for mass in (0.98, 0.99, 0.9916, 0.998, 1.0)]
    assert floors == sorted(floors)


def test_deletion_reaches_pass_at_64_by_the_rule(audit):
    counts = np.arange(65)
    flags = CliffTest().flags(
        (counts[:, None] - counts) / 64, unpooled_error(counts[:, None], counts, 64)
    )
    assert counts[flags.any(axis=1)].min() == 12
    assert (1 - 12 / 64) ** 64 < 2e-6
    for prior in (0.5, 1):
        density = stats.beta(12 + prior, 52 + prior).pdf
        expected = integrate.quad(lambda v, pdf=density: (1 - v) ** 64 * pdf(v), 0, 1)[0]
        assert audit.missed(12, prior) == pytest.approx(expected)
    v = np.linspace(0, 1, 1001)
    assert (audit.flag_rate(v) * (1 - v) ** 64).max() < 3.8e-7 < 1 / 1_261_398
    assert (stats.binom.sf(11, 64, v) * (1 - v) ** 64).max() < 2.8e-5


def test_released_rows_are_counted_by_their_greedy_token(audit):
    rows = [
        ("Qwen3-8B", 5, "DF", 1, 0.999), ("Qwen3-8B", 5, "DF", 2, 0.0005),
        ("Qwen3-8B", 7, "AG", 1, 0.73), ("Qwen3-8B", 9, "AG", 1, 0.72),
        ("Qwen3-8B", 9, "AG", 2, 0.2), ("Qwen3-8B", 11, "SS", 1, 0.8),
        ("Llama-3.1-8B-Instruct", 5, "AG", 1, 0.73),
    ]  # fmt: skip
    names = ["model_source", "cliff_position", "taxonomy_type", "source_rank", "source_prob"]
    frame = pd.DataFrame(rows, columns=names).assign(dataset="d", data_idx="i")
    found = audit.transfer(frame)
    assert found.loc["Qwen3-8B"].tolist() == [1, 1, 2, 1]
    assert found.loc["Llama-3.1-8B"].tolist() == [0, 0, 1, 0]
    assert "| all | 1 | 1 | 3 | 1 |" in audit.tables(found)["transfer"]
