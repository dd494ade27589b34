"""The page in a real browser, opened from disk: filter, keys, links, sizes, paper, and harm."""

from importlib.util import find_spec

import pytest
from helpers.article_folder import CARD, NAMES
from helpers.browser import CHROMIUM

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None or find_spec("playwright") is None,
        reason="there is no Chromium, or no playwright: see make test-browser",
    ),
]
PHONE = {"width": 375, "height": 812, "has_touch": True}


def shown(page) -> int:
    return page.locator("#card tbody tr:visible").count()


def test_it_opens_from_disk_with_every_figure_and_table(open_page):
    page = open_page("linked")
    assert page.title() == "Cliff tokens: the run r"
    for name in NAMES:
        section = page.locator(f"section#{name}")
        assert section.locator(".caption").inner_text()
        assert section.locator("svg, table").count() >= 1
    boxes = page.locator(".drawing svg").evaluate_all(
        "(all) => all.map((one) => one.getBoundingClientRect().height)"
    )
    assert min(boxes) > 100


def test_the_filter_keeps_the_rows_of_a_word_and_says_how_many(open_page):
    page = open_page("linked")
    assert shown(page) == len(CARD)
    for word, count in CARD["word"].value_counts().items():
        page.locator(f'#filter input[value="{word}"]').check(force=True)
        assert shown(page) == count
        assert page.locator("#counted").text_content() == f"{count} rows"
    page.locator('#filter input[value=""]').check(force=True)
    assert shown(page) == len(CARD)


def test_the_keyboard_reaches_filter_links_and_what_scrolls(open_page):
    page = open_page("linked")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.locator('#filter input[value=""]').focus()
    page.keyboard.press("ArrowRight")
    assert shown(page) == CARD["word"].eq(CARD["word"].iloc[0]).sum()
    reached = page.evaluate(
        "[...document.querySelectorAll('.scroll')].every((one) => one.tabIndex === 0)"
    )
    assert reached


def in_explorer(page) -> tuple[str, str]:
    """The trace and the token at which the explorer stands."""
    page.wait_for_selector(".tok.sel")
    name = page.locator(".pane").get_attribute("aria-label").removeprefix("Trace ")
    assert page.locator("#token .at").inner_text().startswith("token ")
    chosen = page.locator(".tok.sel").get_attribute("data-t")
    assert chosen == page.locator("#token .at").inner_text().split()[1]
    return name, chosen


@pytest.mark.parametrize("place", ["run", "report"])
def test_a_cliff_leads_to_its_token_in_the_explorer_and_back(open_page, place):
    page = open_page(place)
    address = page.url
    for details in page.locator("#table_cliffs details.rows").all():
        details.locator("summary").click()
    rows = page.locator("#table_cliffs tbody tr")
    for row in (rows.first, rows.last):
        cliff = row.locator("td").last.text_content()
        row.locator("a").click()
        assert "@".join(in_explorer(page)) == cliff
        page.go_back()
        page.wait_for_selector("#card")
        assert page.url == address


@pytest.mark.parametrize("figure", ["figure_audit", "example_traces"])
@pytest.mark.parametrize("place", ["run", "report"])
def test_a_mark_in_a_figure_leads_to_its_cliff(open_page, place, figure):
    page = open_page(place)
    mark = page.locator(f"#{figure} svg a[aria-label]").first
    said = mark.get_attribute("aria-label")
    mark.focus()
    page.keyboard.press("Enter")
    assert "{}, token {}, in the explorer".format(*in_explorer(page)) == said


@pytest.mark.parametrize("place", ["run", "report"])
def test_the_button_leads_to_the_list_of_traces(open_page, place):
    page = open_page(place)
    page.locator("a.go").click()
    page.wait_for_selector(".row")
    assert page.locator(".count").inner_text() == "16 traces"


@pytest.mark.parametrize("size", [{}, PHONE, {"width": 320, "height": 700}])
def test_no_width_makes_the_page_scroll_sideways(open_page, size):
    page = open_page("linked", **size)
    wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert not wide


def test_the_button_turns_the_colors_of_page_and_figures(open_page):
    page = open_page("linked", color_scheme="light")
    paper = "getComputedStyle(document.querySelector('.drawing')).backgroundColor"
    light = page.evaluate(paper)
    for label in ("Light", "Dark"):
        page.locator("#theme").click()
        assert page.locator("#theme").inner_text() == label
    assert page.evaluate(paper) != light
    page.emulate_media(media="print")
    assert page.evaluate(paper) == light


def test_on_paper_nothing_is_cut_off(open_page):
    page = open_page("linked", width=720)
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert not page.locator("#filter").is_visible()
    cut = page.evaluate(
        """[...document.querySelectorAll('.scroll')]
             .filter((one) => one.getBoundingClientRect().height)
             .filter((one) => [...one.children].some(
               (inside) => inside.getBoundingClientRect().right > window.innerWidth + 1))
             .map((one) => one.getAttribute('aria-label'))"""
    )
    assert cut == []


def test_text_of_a_model_is_text(open_page):
    page = open_page("hostile")
    assert page.title() == "Cliff tokens: the run r"
    assert page.locator("main script, main img, main iframe").count() == 0
    contexts = page.locator("#table_cliffs td.text").all_text_contents()
    assert any("<script>" in text or "<img" in text for text in contexts)
    assert not any("\u202e" in text or "\u200b" in text for text in contexts)
    assert "<script>document.title" in page.locator("#card").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [{}, PHONE])
def test_axe_finds_nothing_serious(open_page, scheme, size):
    from axe_playwright_python.sync_playwright import Axe

    page = open_page("linked", color_scheme=scheme, **size)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found = Axe().run(page).response["violations"]
    serious = [
        (one["id"], [node["target"] for node in one["nodes"][:3]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []
