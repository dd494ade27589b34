"""The page as a file: one, whole, without anything from elsewhere."""

import base64
import hashlib
import re

import pytest


@pytest.fixture(scope="module")
def page(articles):
    return (articles["linked"] / "index.html").read_text(encoding="utf-8")


def test_it_is_one_file_that_loads_nothing(articles, page):
    assert [path.name for path in articles["linked"].iterdir()] == ["index.html"]
    assert not re.search(r'(?:src|data)="', page)
    assert "<link" not in page
    assert set(re.findall(r'href="(https?:[^"]+)"', page)) == {"https://arxiv.org/abs/2606.25524"}


def test_it_permits_its_own_style_and_script_and_no_other(page):
    for tag, directive in (("style", "style-src-elem"), ("script", "script-src")):
        (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.S)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in page.replace("&#39;", "'").replace("&#43;", "+")


def test_every_link_within_it_has_a_place_and_every_id_is_one(page):
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_links_into_the_explorer_name_every_cliff_and_are_left_out_without_one(
    articles, page, given
):
    links = set(re.findall(r'<td class="text"><a href="(\.\./explorer/[^"]+)"', page))
    assert len(links) == len(given["cliffs"])
    assert all(
        re.fullmatch(r"\.\./explorer/index\.html#trace=[\w/]+&amp;t=\d+", one) for one in links
    )
    kept = (articles["kept"] / "index.html").read_text(encoding="utf-8")
    assert 'href="../explorer' not in kept
    assert "data-in-report" not in kept


def test_equal_inputs_give_equal_bytes(articles, tmp_path, given):
    from helpers import article_folder

    again, _ = article_folder.write(tmp_path, given)
    assert (again / "index.html").read_bytes() == (articles["linked"] / "index.html").read_bytes()
