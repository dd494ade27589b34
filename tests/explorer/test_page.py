"""The page in a real browser, opened from disk: filters, keys, links, folds, sizes, and harm."""

from importlib.util import find_spec

import pytest
from helpers.browser import CHROMIUM, HOSTILE

if find_spec("playwright"):
    from playwright.sync_api import expect

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None or find_spec("playwright") is None,
        reason="there is no Chromium, or no playwright: see make test-browser",
    ),
]
INDEX = "cliffTokens.index"
# A trace of the run with a cliff that is no deterministic one, and where that is.
FIRST = f"""() => {{
    const {{ id, readings }} = {INDEX}.traces;
    const open = (cliff) => cliff[1] !== "deterministic";
    const i = readings.independent.findIndex((one) => one.cliffs.some(open));
    return [id[i], readings.independent[i].cliffs.map((cliff) => cliff[0])];
}}"""
PHONE = {"width": 375, "height": 812, "has_touch": True}


def shown(page) -> int:
    return page.evaluate(
        "Number(document.querySelector('.row')?.getAttribute('aria-setsize') ?? 0)"
    )


def token(page):
    """The t of the token that is chosen, as the panel has it; None without one."""
    text = page.locator("#token .at")
    return int(text.inner_text().split()[1]) if text.count() else None


def open_trace(page, t=None):
    """Open the first trace with a cliff by its address; its id and cliffs."""
    name, cliffs = page.evaluate(FIRST)
    page.evaluate(
        "(address) => { location.hash = address; }", f"trace={name}" + (f"&t={t}" if t else "")
    )
    page.wait_for_selector(".pane .tok")
    return name, cliffs


def test_it_opens_from_disk_and_lists_every_trace(open_page):
    page = open_page()
    assert page.title() == "r: cliff tokens"
    assert (shown(page), page.locator(".count").inner_text()) == (16, "16 traces")
    assert "16 traces" in page.locator(".welcome").inner_text()


@pytest.mark.parametrize("name", ["model", "dataset", "outcome", "cliff", "audit", "drop"])
def test_every_filter_keeps_the_traces_that_it_says(open_page, name):
    page = open_page()
    select = page.locator(f"#list select[name={name}]")
    if name == "dataset":
        assert select.count() == 0  # there is one only
        return
    values = [
        value for value in select.evaluate("(one) => [...one.options].map((o) => o.value)") if value
    ]
    assert values
    for value in values:
        select.select_option(value)
        expected = page.evaluate(
            """([name, value]) => {
              const { traces, models, verdicts } = cliffTokens.index;
              const cliffs = (i) => traces.readings.independent[i].cliffs;
              const keeps = {
                model: (i) => models[traces.model[i]] === value,
                outcome: (i) => verdicts[traces.verdict[i]] === value,
                cliff: (i) => {
                  if (value === "none") return !cliffs(i).length;
                  return cliffs(i).some((c) => value === "any" || c[1] === value);
                },
                audit: (i) => cliffs(i).some((c) => c[2] === value),
                drop: (i) => traces.readings.independent[i].drop >= value * 10000,
              }[name];
              return traces.id.filter((_, i) => keeps(i)).length;
            }""",
            [name, value],
        )
        assert shown(page) == expected
    select.select_option("")
    assert shown(page) == 16


def test_kind_and_audit_are_of_one_cliff_and_clear_brings_all_back(open_page):
    page = open_page()
    page.select_option("select[name=cliff]", "deterministic")
    page.select_option("select[name=audit]", "confirmed")
    assert shown(page) == 0  # a deterministic cliff cannot be one
    page.get_by_role("button", name="Clear").click()
    assert shown(page) == 16


@pytest.mark.parametrize(
    "order", ["drop", "cliffs", "longest", "shortest", "model", "outcome", "kind", "audit"]
)
def test_orders_sort_by_what_they_say(open_page, order):
    page = open_page()
    page.select_option("select[name=order]", order)
    values = page.evaluate(
        """(order) => [...document.querySelectorAll(".row")].map((row) => {
          const i = Number(row.dataset.trace), { traces, models } = cliffTokens.index;
          const reading = traces.readings.independent[i];
          const places = (place, names) => reading.cliffs.map((c) => names.indexOf(c[place]));
          const best = (place, names) => Math.min(9, ...places(place, names));
          return { drop: -reading.drop, cliffs: -reading.cliffs.length, longest: -traces.length[i],
            shortest: traces.length[i], model: traces.model[i], outcome: traces.verdict[i],
            kind: best(1, cliffTokens.KINDS), audit: best(2, cliffTokens.AUDITS) }[order];
        })""",
        order,
    )
    assert len(values) > 5
    assert values == sorted(values)


def test_the_search_looks_into_questions_and_texts(open_page):
    page = open_page()
    page.keyboard.press("/")
    page.keyboard.type("how MANY")
    expect(page.locator(".count")).to_have_text("16 traces")
    page.keyboard.press("Control+a")
    page.keyboard.type("no such words")
    expect(page.locator(".count")).to_have_text("0 of 16 traces")
    page.keyboard.press("Control+a")
    page.keyboard.type("small/chains/p001")
    expect(page.locator(".count")).to_have_text("1 of 16 traces")


def test_the_keyboard_leads_everywhere(open_page):
    page = open_page()
    keys = page.keyboard
    keys.press("j")
    page.wait_for_selector(".tok")
    first = page.locator(".pane h2").inner_text()
    keys.press("j")
    expect(page.locator(".pane h2")).not_to_have_text(first)
    keys.press("k")
    expect(page.locator(".pane h2")).to_have_text(first)
    keys.press("ArrowRight")
    assert token(page) == 1
    keys.press("ArrowRight")
    assert token(page) == 2
    keys.press("ArrowLeft")
    assert token(page) == 1
    keys.press("End")
    last = token(page)
    assert last == page.evaluate(
        f"{INDEX}.traces.length[{INDEX}.traces.id.indexOf(cliffTokens.state.trace)]"
    )
    keys.press("Home")
    assert token(page) == 1
    keys.press("Escape")
    assert token(page) is None
    _, cliffs = open_trace(page)
    for t in cliffs:
        keys.press("n")
        assert token(page) == t
    keys.press("n")
    assert token(page) == cliffs[-1]
    for t in reversed(cliffs[:-1]):
        keys.press("p")
        assert token(page) == t
    keys.press("?")
    assert page.locator("dialog[open]").count() == 1
    keys.press("Escape")
    assert page.locator("dialog[open]").count() == 0
    assert token(page) == cliffs[0]


def test_focus_can_be_seen_and_the_list_walks_by_arrows(open_page):
    page = open_page()
    for _ in range(4):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"
    page.focus(".rows")
    # Three keys in one moment, before any file can have been read: none is lost.
    page.evaluate(
        """() => {
          for (let i = 0; i < 3; i++) document.querySelector(".rows").dispatchEvent(
            new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
        }"""
    )
    expect(page.locator(".row[aria-selected=true]")).to_have_attribute("aria-posinset", "3")
    active = page.get_attribute(".rows", "aria-activedescendant")
    assert page.locator(f"#{active}[aria-selected=true]").count() == 1


def test_an_address_leads_to_a_token_and_follows_the_choice(open_page):
    page = open_page()
    name, cliffs = open_trace(page, t=3)
    assert token(page) == 3
    page.keyboard.press("n")
    next_ = next(t for t in cliffs if t > 3)
    assert page.evaluate("location.hash") == f"#trace={name}&t={next_}"
    again = open_page(address=f"#trace={name}&t={next_}&estimator=recursive")
    again.wait_for_selector(".tok.sel")
    assert token(again) == next_
    assert again.locator("button[aria-pressed=true]", has_text="recursive").count() == 1
    assert "recursive" in again.locator("#token caption").inner_text()


def test_an_address_without_a_trace_there_is_a_sentence(open_page):
    page = open_page(address="#trace=no/such/trace&t=9")
    assert "There is no trace no/such/trace here." in page.locator("#panes").inner_text()
    assert open_page(address="#t=abc&estimator=x").locator(".welcome").count() == 1


def test_back_and_forward_walk_through_traces(open_page):
    page = open_page()
    page.keyboard.press("j")
    page.wait_for_selector(".tok")
    first = page.locator(".pane h2").inner_text()
    page.keyboard.press("j")
    expect(page.locator(".pane h2")).not_to_have_text(first)
    page.go_back()
    expect(page.locator(".pane h2")).to_have_text(first)


def test_calm_stretches_fold_and_unfold(open_page):
    page = open_page("counts")
    page.keyboard.press("j")
    folds = page.locator(".fold")
    folds.first.wait_for()
    assert folds.count() == 1
    folded = page.locator(".tok").count()
    assert "tokens at 0.94" in folds.first.inner_text()
    folds.first.click()
    assert folds.first.get_attribute("aria-expanded") == "true"
    assert page.locator(".tok").count() == 60 > folded
    folds.first.click()
    assert page.locator(".tok").count() == folded
    page.keyboard.press("f")
    assert folds.count() == 0
    assert page.locator(".tok").count() == 60
    page.keyboard.press("f")
    page.keyboard.press("Home")
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    assert token(page) > 7  # it steps over what is folded
    page.evaluate("location.hash = '#trace=mine&t=20'")
    page.wait_for_selector(".tok.sel[data-t='20']")  # and shows what is asked for


def test_curve_and_text_share_a_cursor(open_page):
    page = open_page()
    _, cliffs = open_trace(page)
    page.keyboard.press("f")
    page.locator(f".tok[data-t='{cliffs[0]}']").click()
    assert token(page) == cliffs[0]
    assert page.get_attribute(".pointer.cursor", "visibility") == "visible"
    box = page.locator(".plot").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    hovered = page.locator(".tok.hover")
    t = int(hovered.get_attribute("data-t"))
    assert page.locator(".readout").inner_text().startswith(f"t = {t} ")
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 60)
    assert token(page) == t


def test_marks_that_are_not_confirmed_or_cannot_be_are_hollow(open_page):
    page = open_page()
    wrong = page.evaluate(
        """async () => {
          const app = cliffTokens, wrong = [];
          const { id, readings } = app.index.traces;
          const label = () => document.querySelector(".pane")?.getAttribute("aria-label");
          for (let i = 0; i < id.length; i += 1) {
            const { cliffs } = readings.independent[i];
            app.go({ trace: id[i], folded: false });
            while (label() !== `Trace ${id[i]}`) await new Promise(requestAnimationFrame);
            for (const [t, kind, audit] of cliffs) {
              const token = document.querySelector(`.tok[data-t="${t}"]`);
              const hollow = token.querySelector(".mark").classList.contains("hollow");
              const struck = Boolean(token.querySelector(".strike"));
              const drawn = [hollow, struck, token.classList.contains(kind)].join();
              const meant = [audit !== "confirmed", audit === "cannot be", true].join();
              if (drawn !== meant) wrong.push([id[i], t]);
            }
            if (document.querySelectorAll(".plot .mark").length !== cliffs.length) wrong.push(i);
          }
          return wrong;
        }"""
    )
    assert wrong == []


def test_the_panel_has_all_that_was_measured(open_page):
    page = open_page()
    _, cliffs = open_trace(page)
    page.keyboard.press("n")
    text = page.locator("#token").inner_text()
    for words in (
        "before",
        "after",
        "Drop",
        "exceeds the threshold",
        "/64",
        "entropy",
        "rank",
        "1 \u2212 q",
        "Audit",
        "fresh drop",
        "rest of the vocabulary",
        "pass@1",
        "deleted",
        "kept",
    ):
        assert words in text, words
    reading = page.evaluate(
        """async (t) => {
          const app = cliffTokens, i = app.places.get(app.state.trace);
          const file = await app.load(app.fileName("traces", app.index.traces.file[i]));
          const trace = file.find((one) => one.id === app.state.trace);
          const { potential, successes } = trace.readings.independent;
          return [app.share(potential[t - 1]), app.share(potential[t]), `${successes[t - 1]}/64`];
        }""",
        cliffs[0],
    )
    for value in reading:
        assert value in text


def test_two_estimators_share_an_axis(open_page):
    page = open_page()
    _, _cliffs = open_trace(page)
    page.keyboard.press("b")
    page.wait_for_selector(".plot .reading.second")
    assert page.locator(".plot .reading").count() == 2
    page.keyboard.press("n")
    assert page.locator("#token caption").all_inner_texts() == [
        "published (independent)",
        "recursive",
    ]
    page.keyboard.press("e")
    page.wait_for_selector(".plot .reading.recursive.first")
    assert "both=1" in page.evaluate("location.hash")


def test_two_traces_of_a_problem_stand_side_by_side(open_page):
    page = open_page()
    name, _ = open_trace(page)
    page.keyboard.press("c")
    page.wait_for_selector(".side-2")
    labels = page.locator(".pane").evaluate_all(
        "(all) => all.map((one) => one.getAttribute('aria-label'))"
    )
    assert [label.split("/")[2] for label in labels] == [name.split("/")[2]] * 2
    page.keyboard.press("x")
    page.keyboard.press("ArrowRight")
    assert page.locator(".tok.sel").count() == 1
    assert "with_t=1" in page.evaluate("location.hash")
    boxes = [box.bounding_box() for box in page.locator(".pane").all()]
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    page.get_by_role("button", name="Close the token").click()
    assert (page.locator(".tok.sel").count(), token(page)) == (0, None)
    page.keyboard.press("c")
    page.wait_for_selector(".side-1")


def test_dark_follows_the_system_and_the_switch(open_page):
    page = open_page(color_scheme="dark")
    color = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(color)
    page.keyboard.press("d")
    light = page.evaluate(color)
    assert light != dark
    page.keyboard.press("d")
    assert page.evaluate(color) == dark
    assert open_page(color_scheme="light").evaluate(color) == light


def test_a_phone_has_one_screen_for_the_list_and_one_for_the_trace(open_page):
    page = open_page(**PHONE)
    assert not page.locator("#panes").is_visible()
    page.locator(".row").first.tap()
    page.wait_for_selector(".tok")
    assert not page.locator("#list").is_visible()
    page.keyboard.press("f")
    x, y = page.locator(".tok").last.evaluate(
        """(one) => {
          one.scrollIntoView();
          const { x, y } = one.getClientRects()[0];
          return [x + 4, y + 9];
        }"""
    )
    page.touchscreen.tap(x, y)
    assert page.locator("#token").is_visible()
    chosen = page.locator(".tok.sel").bounding_box()
    assert chosen["y"] + chosen["height"] <= page.locator("#token").bounding_box()["y"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.get_by_role("button", name="Close the token").tap()
    page.get_by_role("button", name="Back to the list").tap()
    assert page.locator("#list").is_visible()


def test_own_counts_show_what_they_have_and_no_more(open_page):
    page = open_page("counts", "#trace=mine&t=40")
    page.wait_for_selector(".tok.sel")
    text = page.locator("body").inner_text()
    assert "cliff \u00b7 not audited" in text
    assert "your counts" in text
    for words in (
        "entropy",
        "rank",
        "gold",
        "deleted",
        "recursive",
        "Data set",
        "Model",
        "sampler",
    ):
        assert words not in text, words
    bare = open_page("bare", "#trace=mine&t=60")
    bare.wait_for_selector(".tok.sel")
    assert "the verdict is not known" in bare.locator("#token").inner_text()
    assert "1 \u2212 q" not in bare.locator("#token").inner_text()


def test_text_that_means_harm_is_text(open_page):
    page = open_page("hostile")
    page.keyboard.press("j")
    page.wait_for_selector(".tok")
    page.keyboard.press("f")
    page.keyboard.press("n")
    page.wait_for_timeout(200)
    assert page.title() == "</title><b>r: cliff tokens"
    assert page.locator("img, .tok script, .question script, #panes b").count() == 0
    assert page.evaluate("document.scripts.length") == page.evaluate(
        "document.head.querySelectorAll('script[defer]').length"
    )
    question = page.locator(".question").inner_text()
    assert HOSTILE["markup"] in question
    assert HOSTILE["entity"] in question
    assert "a\u2039U+202E\u203agnp.exe\u2039U+2066\u203a" in question
    assert "in\u2039U+200B\u203avis\u2039U+00AD\u203aible\u2039U+FEFF\u203a" in question
    assert "bell\u2407 nul\u2400 del\u2421" in question
    assert "one\u2039U+2028\u203atwo" in question
    everything = page.evaluate("document.body.textContent")
    assert not set("\u202e\u2066\u200b\u00ad\ufeff\x00\x07\u2028") & set(everything)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
    assert page.evaluate("cliffTokens.visible('\\ud800x')") == "\u2039U+D800\u203ax"


def test_a_file_that_is_gone_is_a_sentence(chromium, folders, tmp_path):
    import shutil

    folder = shutil.copytree(folders["run"], tmp_path / "copy")
    (folder / "data/traces-0000.js").unlink()
    context = chromium.new_context()
    page = context.new_page()
    page.goto((folder / "index.html").as_uri())
    page.keyboard.press("j")
    alert = page.locator("[role=alert]")
    alert.wait_for()
    assert alert.inner_text() == "data/traces-0000.js cannot be loaded: the folder is incomplete."
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", ["list", "token", "two", "help", "phone"])
def test_no_serious_barrier_is_found(open_page, view, scheme):
    from axe_playwright_python.sync_playwright import Axe

    size = PHONE if view == "phone" else {}
    page = open_page(color_scheme=scheme, **size)
    if view != "list":
        open_trace(page)
        page.keyboard.press("n")
        page.wait_for_selector(".tok.sel")
    for key in {"two": "cb", "help": "?"}.get(view, ""):
        page.keyboard.press(key)
        page.wait_for_timeout(200)
    found = Axe().run(page, options={"preload": False}).response["violations"]
    serious = [
        (one["id"], one["nodes"][0]["html"][:200])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_on_paper_the_trace_stands_alone(open_page):
    page = open_page(width=720)  # of a sheet
    open_trace(page)
    page.keyboard.press("n")
    page.emulate_media(media="print")
    assert not page.locator("#list").is_visible()
    assert not page.locator(".controls").is_visible()
    assert page.locator("#token .potentials").is_visible()
    trace, panel = (page.locator(one).bounding_box() for one in (".pane", "#token"))
    assert 0 <= panel["y"] - trace["y"] - trace["height"] < 100
    assert len(page.pdf()) > 5000


def test_memory_stays_bounded(open_page):
    page = open_page()
    held = page.evaluate(
        """() => {
          const app = cliffTokens;
          for (let i = 0; i < 60; i += 1) app.receive(app.fileName("traces", 1000 + i), []);
          for (let i = 0; i < 60; i += 1) app.receive(app.fileName("text", 1000 + i), []);
          return [app.held("traces"), app.held("text"), Boolean(app.index)];
        }"""
    )
    assert held == [24, 16, True]
