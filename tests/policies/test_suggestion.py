"""What a model's folder suggests as a sampler, and what of it has no place in one."""

import json

import pytest

from cliff_tokens.policies.suggestion import suggested


@pytest.fixture
def said(tmp_path):
    """The sampler and what is left out, of a folder whose generation_config.json says this."""

    def read(**keys):
        (tmp_path / "generation_config.json").write_text(json.dumps(keys), encoding="utf-8")
        return suggested(tmp_path)

    return read


def test_a_folder_that_suggests_nothing_changes_nothing(tmp_path):
    assert suggested(tmp_path) == ({"temperature": 1.0, "top_p": 1.0, "top_k": 0}, [])


def test_what_is_suggested_is_taken_as_it_is(said):
    sampler, left_out = said(temperature=0.6, top_p=0.95, top_k=20, repetition_penalty=1.0)
    assert sampler == {"temperature": 0.6, "top_p": 0.95, "top_k": 20}
    assert left_out == []


@pytest.mark.parametrize("keys", [{"temperature": 0.0}, {"temperature": 0.7, "do_sample": False}])
def test_greedy_stays_greedy(said, keys):
    assert said(**keys)[0]["temperature"] == 0.0


def test_what_no_sampler_here_can_do_is_named(said):
    _, left_out = said(min_p=0.1, num_beams=4, no_repeat_ngram_size=3, typical_p=1.0)
    assert left_out == ["num_beams 4", "min_p 0.1", "no_repeat_ngram_size 3"]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"temperature": "hot"}, "temperature: expected a number, found 'hot'"),
        ({"top_k": True}, "top_k: expected a whole number, found True"),
        ({"top_p": 2}, r"top_p must be in \(0, 1\], found 2"),
    ],
)
def test_what_no_sampler_has_is_refused_by_its_key(said, keys, message):
    with pytest.raises(ValueError, match=rf"generation_config\.json: .*{message}"):
        said(**keys)
