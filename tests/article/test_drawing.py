"""Figures in the page: shapes and text and nothing else."""

import re
from xml.etree import ElementTree

import pytest

from cliff_tokens.article.drawing import Drawing, DrawingError, palette
from cliff_tokens.exhibits import style

HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
    'viewBox="0 0 100.5 50">'
)


def drawing(tmp_path, inside, linked=True):
    path = tmp_path / "f.svg"
    path.write_text(f"{HEAD}{inside}</svg>", encoding="utf-8")
    return Drawing(path, "f1", "Figure 1: what it shows", linked)


@pytest.mark.parametrize(
    "inside",
    [
        "<script>1</script>",
        "<foreignObject/>",
        '<use xlink:href="http://example.org/x.svg#a"/>',
        '<image xlink:href="http://example.org/x.png"/>',
        '<a xlink:href="javascript:alert(1)"><path d="M 0 0"/></a>',
        '<path style="fill: url(http://example.org/x)"/>',
    ],
)
def test_what_no_figure_of_a_run_holds_is_refused(tmp_path, inside):
    with pytest.raises(DrawingError, match=r"f\.svg: expected"):
        drawing(tmp_path, inside)


def test_handlers_and_unused_ids_are_left_out_and_text_stays_text(tmp_path):
    made = drawing(
        tmp_path, '<g id="axes_1"><text x="1" onclick="x()">a &lt;b&gt; &amp;</text></g>'
    )
    assert '<text x="1">a &lt;b&gt; &amp;</text>' in made.markup
    assert "onclick" not in made.markup
    assert "axes_1" not in made.markup
    root = ElementTree.fromstring(made.markup)
    assert root.get("aria-label") == "Figure 1: what it shows"
    assert root.get("role") == "img"


def test_ids_are_of_one_figure_and_coordinates_keep_two_decimals(tmp_path):
    made = drawing(
        tmp_path,
        '<defs><path id="m" d="M 1.23456 -0.5 L 2.999 3"/><clipPath id="c"><rect x="0" y="0" '
        'width="1" height="1"/></clipPath></defs>'
        '<g clip-path="url(#c)"><use xlink:href="#m" x="10.98765" y="2"/></g>',
    )
    assert 'd="M 1.23 -0.5 L 3 3"' in made.markup
    assert 'x="10.99"' in made.markup
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', made.markup))
    assert used == set(re.findall(r' id="([^"]+)"', made.markup))
    assert all(name.startswith("f1-") for name in used)


def test_a_mark_leads_into_the_explorer_where_there_is_one(tmp_path):
    mark = f'<a xlink:href="{style.link("m/d/p/0@47").replace("&", "&amp;")}"><path d="M 0 0"/></a>'
    linked = ElementTree.fromstring(drawing(tmp_path, mark).markup)
    assert linked.get("role") == "group"
    link = linked.find("a")
    assert link.get("href") == "../explorer/index.html#trace=m/d/p/0&t=47"
    assert link.get("aria-label") == "m/d/p/0, token 47, in the explorer"
    assert "<a" not in drawing(tmp_path, mark, linked=False).markup
    assert "<path" in drawing(tmp_path, mark, linked=False).markup


def test_colors_are_variables_but_for_those_around_pixels(tmp_path):
    path = '<path d="M 0 0" style="fill: #FFFFFF; stroke: #332288"/>'
    made = drawing(tmp_path, path)
    assert 'style="fill: var(--cffffff); stroke: var(--c332288)"' in made.markup
    assert made.colors == {"ffffff", "332288"}
    pixels = '<image xlink:href="data:image/png;base64,AAAA"/>'
    assert drawing(tmp_path, path + pixels).colors == set()


def test_in_the_dark_paper_is_dark_ink_is_light_and_what_is_strong_can_be_seen():
    dark = palette({"ffffff", "222222", "332288", "c9d3e3"})
    lightness = {
        color: max(int(other[i : i + 2], 16) for i in (0, 2, 4)) for color, other in dark.items()
    }
    assert lightness["ffffff"] < 0x30
    assert lightness["222222"] > 0xB0
    assert lightness["332288"] > 0xA0
    assert lightness["c9d3e3"] < 0x80
