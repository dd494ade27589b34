"""Values and drawings of the figures, also where there is nothing to draw."""

import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from helpers import synthetic
from helpers.repository import ROOT, merge

from cliff_tokens.exhibits import example_traces, pass_at_k, ranks, style, summaries
from cliff_tokens.exhibits import figure_01_decision_boundary as decision_boundary
from cliff_tokens.exhibits import figure_02_share_with_cliff as share_with_cliff
from cliff_tokens.exhibits import figure_03_cliffs_per_trace as cliffs_per_trace
from cliff_tokens.exhibits import figure_04_cliff_mass_and_transfer as cliff_mass_and_transfer
from cliff_tokens.exhibits import figure_05_cliff_mass as cliff_mass
from cliff_tokens.exhibits import figure_06_recovery as recovery
from cliff_tokens.exhibits import figure_11_delta_cpm as delta_cpm
from cliff_tokens.exhibits import figure_15_entropy_density as entropy_density
from cliff_tokens.exhibits import figure_audit as audit
from cliff_tokens.exhibits import figure_cut_points as cut_points
from cliff_tokens.exhibits import figure_estimators as estimators
from cliff_tokens.stages import audit as auditing
from cliff_tokens.stages.cliff_test import CliffTest
from cliff_tokens.stages.cut_points import CutRules
from cliff_tokens.stages.taxonomy import KINDS
from cliff_tokens.statistics import Intervals

CAPTIONS = sorted(ROOT.glob("workflow/report/*.rst"))
INTERVALS = Intervals(confidence=0.95, repetitions=100, seed=1)
SEVEN = ("q-8b", "q-4b", "q-0.6b", "l-3.1-8b-instruct", "l-3.2-3b-instruct", "l-1b", "g-3-4b-it")


@pytest.fixture(scope="module")
def run():
    return synthetic.run(datasets=("chains", "factors", "marathons"), always_correct=("large",))


@pytest.fixture(scope="module")
def quiet():
    """A run without any cliff."""
    return synthetic.run(problems=3, jump=0)


def everything(run):
    """Values and drawing of every figure of a run, by name."""
    traces, tokens, cliffs = run["traces"], run["tokens"], run["cliffs"]
    models, datasets = (list(traces[name].unique()) for name in ("model", "dataset"))
    values = {
        decision_boundary: decision_boundary.values(synthetic.TEST, 64),
        share_with_cliff: share_with_cliff.values(traces, cliffs, INTERVALS, models, datasets),
        cliffs_per_trace: cliffs_per_trace.values(traces, cliffs, INTERVALS, models, datasets),
        entropy_density: entropy_density.values(
            tokens, cliffs, synthetic.CERTAIN, INTERVALS, models
        ),
        pass_at_k: pass_at_k.values(
            run["resampling"],
            cliffs,
            "incorrect",
            INTERVALS,
            models=models,
            datasets=datasets,
        ),
        cut_points: cut_points.values(
            synthetic.cut_points(run),
            run["estimates"],
            traces,
            cliffs,
            CutRules(),
            INTERVALS,
            models,
        ),
        example_traces: example_traces.values(
            traces, run["estimates"], tokens, cliffs, synthetic.TEST, INTERVALS, 4
        ),
    }
    figures = {
        module.__name__.rpartition(".")[2]: (frame, module.draw(frame))
        for module, frame in values.items()
    }
    scored, members = synthetic.agreement(run)
    pairs = synthetic.pairs_of(run)
    frame = delta_cpm.values(scored, cliffs, members)
    figures["delta_cpm"] = frame, delta_cpm.draw(frame, pairs)
    for kind in ("deterministic", "uncertain", "sampled_off"):
        frame = ranks.values(scored, cliffs, kind, pairs)
        figures[f"ranks_{kind}"] = frame, ranks.draw(frame, kind, pairs)
    audited = auditing.audit(
        cliffs, run["potential"], run["estimates"], run["resampling"], synthetic.TEST
    )
    frame = audit.values(audited)
    figures["audit"] = frame, audit.draw(frame, models, 0.1)
    frame = cliff_mass.values(
        run["candidates"], cliffs, run["estimates"], run["resampling"], synthetic.TEST
    )
    figures["cliff_mass"] = frame, cliff_mass.draw(frame, models)
    frame = cliff_mass_and_transfer.values(frame, figures["delta_cpm"][0], pairs)
    figures["cliff_mass_and_transfer"] = frame, cliff_mass_and_transfer.draw(frame, pairs)
    frame = recovery.values(run["candidates"], cliffs, INTERVALS)
    figures["recovery"] = frame, recovery.draw(frame, models)
    return figures


def costs(models):
    """Error against cost as ``estimators.values`` gives them, of a law without noise."""
    rollouts = np.array([8, 16, 32, 64, 128, 256])
    rows = []
    for model in models:
        for name, price in (("independent", 1e5), ("recursive", 1e4), ("adaptive", 1.5e4)):
            line = pd.DataFrame(
                {
                    "model": model,
                    "estimator": name,
                    "rollouts": rollouts,
                    "generated_tokens": price * rollouts,
                    "rmse": 0.3 / np.sqrt(rollouts),
                    "source": estimators.SIMULATED,
                }
            )
            point = line[line["rollouts"].eq(64)].assign(
                source=estimators.MEASURED, rmse_low=0.03, rmse_high=np.nan
            )
            rows += [line if name != "adaptive" else line.iloc[:0], point]
    return pd.concat(rows, ignore_index=True)


@pytest.fixture(scope="module")
def drawn(run):
    return everything(run)


def words(figure):
    """All text of a figure's panels and legends."""
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    titles = [axes.get_title(loc) for axes in figure.axes for loc in ("left", "center", "right")]
    legends = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    return texts + titles + legends


def test_the_boundary_has_1283_cliff_cells_of_64_rollouts(drawn):
    values, figure = drawn["decision_boundary"]
    assert values["cliff_cells"].sum() == 1283
    possible = values[values["drop"].notna()]
    assert possible["successes_before"].min() == 12
    assert possible["potential_before"].min() == possible["drop"].min() == 0.1875
    assert possible["drop"].max() == 0.25
    assert any("1283 of 4225" in text for text in words(figure))


@pytest.mark.parametrize(("rollouts", "margin"), [(1, 0.1), (2, 0.1), (16, 0.3), (64, 0.9)])
def test_the_boundary_is_drawn_for_any_rule(rollouts, margin):
    values = decision_boundary.values(CliffTest(margin=margin), rollouts)
    assert decision_boundary.draw(values).axes[0].get_xlabel() == "potential before the token"


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("decision_boundary", "drop in potential"),
        ("share_with_cliff", "share of traces\nwith a cliff"),
        ("cliffs_per_trace", "mean cliffs per trace"),
        ("entropy_density", "density per decade"),
        ("pass_at_k", "chains\npass@k"),
        ("cut_points", "cliff, critical\nand tangent\npass@k"),
        ("example_traces", "potential"),
        ("delta_cpm", "change of the cliff mass"),
        ("cliff_mass_and_transfer", "cliff mass"),
    ],
)
def test_axes_say_what_they_show(drawn, name, label):
    assert drawn[name][1].axes[0].get_ylabel() == label


def test_figures_are_as_wide_as_the_page_or_a_column(drawn):
    for name, (_, figure) in drawn.items():
        assert style.COLUMN <= figure.get_figwidth() <= style.PAGE, name


def test_the_rates_drawn_are_those_of_the_summary(run, drawn):
    summary = summaries.prevalence(
        run["traces"],
        run["cliffs"],
        INTERVALS,
        list(run["traces"]["model"].unique()),
        list(run["traces"]["dataset"].unique()),
    )
    for name, rate in (("share_with_cliff",) * 2, ("cliffs_per_trace",) * 2):
        np.testing.assert_array_equal(drawn[name][0][rate], summary[rate])


def test_few_traces_are_drawn_hollow_and_none_are_named(drawn):
    assert style.face("#000000", 4) == "white"
    assert style.face("#000000", 5) == "#000000"
    assert "none" in words(drawn["share_with_cliff"][1])


def test_counts_of_ranks_are_written_in_their_cells_and_pooled_beyond_five(run, drawn):
    assert synthetic.pairs_of(run)[1] == ("small", "large")
    values, figure = drawn["ranks_sampled_off"]
    pair = values[values["source"].eq("small") & values["group"].eq("cliff")]
    written = [int(text.get_text()) for text in figure.axes[1].texts]
    assert sum(written) == pair["count"].sum()
    assert max(written) >= pair["count"].max()
    labels = [label.get_text() for label in figure.axes[-1].get_xticklabels()]
    assert {"1", "2", "≤10", "≤20", ">20"} >= set(labels) - {"3", "4", "5"}
    first = pair.loc[pair["rank"].eq(1), "count"].sum()
    assert f"cliffs: {first} of {pair['count'].sum()} rank first" in figure.axes[1].get_title()


def test_directions_of_the_same_models_stand_side_by_side():
    pairs = [("a", "b"), ("c", "d"), ("b", "a")]
    assert delta_cpm.side_by_side(pairs) == [("a", "b"), ("b", "a"), ("c", "d")]


def test_changes_are_drawn_as_points_with_their_median_and_counts(drawn):
    values, figure = drawn["delta_cpm"]
    cell = values[values["source"].eq("small") & values["measure"].eq("mass")]
    counts = cell.groupby("kind")["value"].size()
    labels = [label.get_text() for label in figure.axes[1].get_xticklabels()]
    kinds = [kind for kind in KINDS if kind in set(values["kind"]) or kind != "other"]
    assert labels == [str(counts.get(kind, 0)) for kind in kinds]
    points = [line for line in figure.axes[1].lines if line.get_linestyle() == "None"]
    assert sum(len(line.get_xdata()) for line in points) == len(cell)
    violins = len(figure.axes[1].collections)
    assert violins == (counts >= delta_cpm.VIOLIN).sum()


def test_the_first_pair_and_its_reverse_share_figure_4(run, drawn):
    values, figure = drawn["cliff_mass_and_transfer"]
    (source, evaluator), *_ = synthetic.pairs_of(run)
    own = values[values["part"].eq("a")]
    assert own["model"].unique().tolist() == [source]
    change = values[values["part"].eq("b")]
    assert set(change["source"]) == {source, evaluator}
    assert change["measure"].unique().tolist() == ["mass"]
    titles = [axes.get_title().replace("\n", " ") for axes in figure.axes]
    assert titles == [
        f"(a) {source}",
        f"(b) {source} → {evaluator}",
        f"(b) {evaluator} → {source}",
    ]
    assert figure.axes[1].get_ylim() == figure.axes[2].get_ylim()


def test_a_run_that_compares_no_models_is_drawn():
    empty = synthetic.agreement(synthetic.run(problems=3, jump=0))[0]
    cliffs = pd.DataFrame(columns=["cliff_id", "kind"])
    frame = delta_cpm.values(empty, cliffs, cliffs.rename(columns={"kind": "token_id"}))
    assert "no pair of models\nis compared" in words(delta_cpm.draw(frame, []))
    frame = ranks.values(empty, cliffs, "uncertain", [])
    assert "no pair of models\nis compared" in words(ranks.draw(frame, "uncertain", []))


def test_density_and_atom_have_area_one(drawn):
    values, _ = drawn["entropy_density"]
    for _, cell in values.groupby(["model", "group"]):
        decades = np.log10(cell["entropy"])
        area = np.trapezoid(cell["density"], decades) + cell["atom"].iloc[0]
        # The tails of the kernel reach past both ends of the axis.
        assert area == pytest.approx(1, abs=0.03)
    assert values["threshold"].unique() == pytest.approx([0.0560], abs=5e-5)


def test_panels_without_cliffs_say_so(drawn):
    texts = words(drawn["pass_at_k"][1])
    assert texts.count("no cliffs on\nincorrect traces") == 3


def test_every_panel_of_pass_at_k_states_its_counts(drawn):
    values, figure = drawn["pass_at_k"]
    first = values[values["k"].eq(1)]
    for axes, (_, cell) in zip(
        figure.axes, first.groupby(["dataset", "model"], sort=False), strict=False
    ):
        assert "n = " in axes.get_title()
        assert len(cell) == 4


def test_examples_alternate_between_outcomes_and_prefer_many_kinds(run):
    traces, cliffs = run["traces"], run["cliffs"]
    chosen = example_traces.choose(traces, cliffs, 4)
    verdicts = traces.set_index("trace_id")["verdict"].loc[chosen]
    assert verdicts.eq("correct").tolist() == [False, True, False, True]
    kinds = cliffs.groupby("trace_id")["kind"].nunique()
    assert (
        kinds[chosen[0]]
        == kinds[kinds.index.isin(cliffs.query("outcome == 'incorrect'").trace_id)].max()
    )
    shuffled = example_traces.choose(
        traces.sample(frac=1, random_state=1), cliffs.sample(frac=1, random_state=2), 4
    )
    assert shuffled == chosen


def test_example_cliffs_are_the_points_below_the_line(drawn):
    values, _ = drawn["example_traces"]
    below = values["potential"] < values["line"] - 1e-12
    assert below.equals(values["kind"].notna())
    ends = values.groupby("trace_id", sort=False).tail(1)
    assert not ends["measured"].any()
    assert ends["potential"].isin([0, 1]).all()
    assert ends["potential_low"].isna().all()


def test_a_run_without_cliffs_is_drawn(quiet):
    figures = everything(quiet)
    assert words(figures["audit"][1]).count("no cliffs") == 2
    assert "no such incorrect\ntraces" in words(figures["cut_points"][1])
    assert "no trace of this\nrun has a cliff" in words(figures["example_traces"][1])
    assert figures["example_traces"][0].empty
    assert words(figures["recovery"][1]).count("no sampled-off\ncliffs") == 2
    assert words(figures["cliff_mass"][1]).count("none") == 2 * 3
    assert any("cliff: none" in text for text in words(figures["entropy_density"][1]))
    for _, figure in figures.values():
        figure.canvas.draw()


def test_seven_models_and_one_problem_are_drawn_without_warnings():
    for models, problems in ((SEVEN, 3), (("only",), 1)):
        run = synthetic.run(models=models, datasets=("chains",), problems=problems)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for _, figure in everything(run).values():
                figure.canvas.draw()


@pytest.mark.parametrize("models", [("only",), SEVEN])
def test_error_against_cost_is_drawn_for_any_number_of_models(models):
    figure = estimators.draw(costs(models))
    figure.canvas.draw()
    assert "adaptive, measured" in words(figure)
    for axes in figure.axes[: len(models)]:
        assert axes.get_xscale() == axes.get_yscale() == "log"
        assert {text.get_text() for text in axes.texts} == {"8", "256"}


def test_every_audited_cliff_is_drawn_with_its_fresh_drop(run, drawn):
    values, figure = drawn["audit"]
    assert len(values) == len(run["cliffs"])
    shown = sum(len(line.get_xdata()) for axes in figure.axes for line in axes.lines)
    guides = 2 * 2 * len(figure.axes)  # the bound and the margin of each panel
    assert shown - guides == 2 * len(values)
    assert all("impossible" in axes.get_title() for axes in figure.axes)


def test_every_cliff_mass_is_drawn_in_two_readings_and_n_is_under_each_kind(run, drawn):
    values, figure = drawn["cliff_mass"]
    for axes, model in zip(figure.axes, run["traces"]["model"].unique(), strict=True):
        own = run["cliffs"][run["cliffs"]["model"].eq(model)]
        shown = [line for line in axes.lines if line.get_marker() not in ("None", "_")]
        ticks = [line for line in axes.lines if line.get_marker() == "_"]
        assert sum(len(line.get_xdata()) for line in shown) == len(own)
        assert sum(len(line.get_xdata()) for line in ticks) == len(own)
        counts = [int(label.get_text().split("= ")[1]) for label in axes.get_xticklabels()]
        assert sum(counts) == len(own)
    assert set(values["reading"]) == {"published", "own", "fresh"}


def test_the_gap_of_a_panel_is_that_of_its_points(run, drawn):
    values, figure = drawn["recovery"]
    for axes, model in zip(figure.axes, run["traces"]["model"].unique(), strict=True):
        cell = values[values["model"].eq(model)]
        if cell.empty:
            assert words(figure).count("no sampled-off\ncliffs") == 1
            continue
        gap = (cell["greedy"] - cell["sampled"]).mean()
        assert f"mean gap {gap:+.2f}" in axes.get_title()
        assert f"{(cell['greedy'] > cell['sampled']).sum()} of {len(cell)}" in axes.get_title()


def test_every_cut_point_that_is_found_is_drawn_at_its_position(run, drawn):
    values, figure = drawn["cut_points"]
    places = values[values["shows"].eq(cut_points.PLACES)]
    incorrect = run["cliffs"]["outcome"].eq("incorrect").sum()
    assert places["method"].eq("cliff").sum() == incorrect > 0
    strips = figure.axes[-2:]
    shown = sum(len(line.get_xdata()) for axes in strips for line in axes.lines)
    medians = sum(line.get_color() == style.INK for axes in strips for line in axes.lines)
    assert shown - 2 * medians == len(places)
    assert all(axes.get_title().startswith("n = ") for axes in strips)


def test_a_thin_line_stands_where_traces_without_a_cut_point_are_scored_zero(drawn):
    values, figure = drawn["cut_points"]
    scores = values[values["shows"].eq(cut_points.SCORES)]
    lacking = scores.drop_duplicates(["population", "model", "method"])
    lacking = lacking[lacking["with_cut"].lt(lacking["n"])]
    thin = [line for axes in figure.axes for line in axes.lines if line.get_linewidth() == 0.7]
    assert len(thin) == len(lacking)


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
def test_equal_values_give_equal_bytes(drawn, tmp_path, suffix):
    modules = {"share_with_cliff": share_with_cliff, "example_traces": example_traces}
    for name, module in modules.items():
        paths = [tmp_path / f"{name}_{turn}.{suffix}" for turn in range(2)]
        for path in paths:
            style.save(module.draw(drawn[name][0]), path)
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_svg_keeps_text_as_text(drawn, tmp_path):
    path = tmp_path / "figure.svg"
    style.save(drawn["decision_boundary"][1], path)
    assert "potential before the token</text>" in path.read_text()
    with pytest.raises(ValueError, match=r"expected \.svg"):
        style.save(drawn["decision_boundary"][1], tmp_path / "figure.jpeg")


def test_the_callers_settings_do_not_reach_a_figure(drawn, tmp_path):
    import matplotlib

    values = drawn["decision_boundary"][0]
    style.save(decision_boundary.draw(values), tmp_path / "a.svg")
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "svg.fonttype": "path"}):
        style.save(decision_boundary.draw(values), tmp_path / "b.svg")
        assert matplotlib.rcParams["font.size"] == 30
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_colors_have_one_meaning_each():
    palettes = (
        style.OUTCOME_COLORS,
        style.ESTIMATOR_COLORS,
        style.KIND_COLORS,
        style.ARM_COLORS,
        style.TOKEN_COLORS,
        {name: color for name, color in style.METHOD_COLORS.items() if name != "cliff"},
    )
    colors = [color for palette in palettes for color in palette.values()]
    assert len(colors) == len(set(colors))
    assert tuple(style.KIND_COLORS) == KINDS
    assert tuple(style.ARM_COLORS) == summaries.ARMS
    assert style.METHOD_COLORS["cliff"] == style.ARM_COLORS["del"]  # the same rollouts
    assert tuple(style.OUTCOME_COLORS) == summaries.OUTCOMES


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


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        (" the", "the"),
        ("\n\n", "↵↵"),
        (" ", "␣"),
        ("答", "□"),
        ("$x$", "$x$"),
        ("a" * 20, "a" * 13 + "…"),
    ],
)
def test_tokens_are_written_so_that_they_can_be_seen(token, shown):
    assert style.token_text(token) == shown


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("llama-3.1-8b-instruct", ["llama-3.1-8b-", "instruct"]),
        ("gemma", ["gemma"]),
        ("no cliffs here at all", ["no cliffs here", "at all"]),
    ],
)
def test_long_names_break_after_hyphens(name, lines):
    assert style.wrap(name, 14).split("\n") == lines
