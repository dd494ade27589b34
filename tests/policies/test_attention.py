"""Attention in numpy, one row at a time, against that of the engine."""

import numpy as np
import pytest
import torch
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from cliff_tokens.policies.attention import NAME, Decode, Prefill, blocks_of
from cliff_tokens.policies.texts import ROW

WIDTH, SCALING = 4, 0.5


def softmax_mean(query, keys, values):
    """Attention of one query [width] to keys and values [columns, width]."""
    weights = np.exp(SCALING * keys @ query)
    return weights @ values / weights.sum()


def tensor(seed, *shape):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def test_a_prompt_attends_to_itself_and_to_what_came_before():
    query, key, value = (tensor(seed, 2, 4, 5, WIDTH) for seed in range(3))
    key, value = key[:, :2], value[:, :2]  # two query heads share a key head
    prefill = Prefill()
    found = prefill.attend(0, query, key, value, SCALING)
    assert found.shape == (2, 5, 4, WIDTH)
    for row, head, t in np.ndindex(2, 4, 5):
        seen = slice(0, t + 1)
        expected = softmax_mean(
            query[row, head, t].numpy(),
            key[row, head // 2, seen].numpy(),
            value[row, head // 2, seen].numpy(),
        )
        np.testing.assert_allclose(found[row, t, head], expected, rtol=1e-4, atol=1e-5)
    assert prefill.columns().shape == (1, 2, 2, 2, 5, WIDTH)
    assert torch.equal(prefill.columns()[0, 1], value)


def test_prompts_that_go_on_from_a_stem_attend_to_it_as_to_themselves():
    query, key, value = (tensor(seed, 2, 4, 5, WIDTH) for seed in range(3))
    key, value = key[:, :2], value[:, :2]
    for whole in (query, key, value):
        whole[1, :, :3] = whole[0, :, :3]  # both begin alike
    expected = Prefill().attend(0, query, key, value, SCALING)[:, 3:]
    stem = torch.stack([key[0, :, :3], value[0, :, :3]])[None]
    rest = Prefill(stem=stem)
    found = rest.attend(0, query[:, :, 3:], key[:, :, 3:], value[:, :, 3:], SCALING)
    torch.testing.assert_close(found, expected)
    assert rest.columns().shape == (1, 2, 2, 2, 2, WIDTH)


def test_what_is_not_kept_is_not_remembered():
    prefill = Prefill(keep=False)
    prefill.attend(0, *(tensor(seed, 1, 2, 3, WIDTH) for seed in range(3)), SCALING)
    assert prefill.layers == []


@pytest.mark.parametrize("common", [4, 0])
def test_a_row_attends_to_the_first_of_its_trunk_and_to_its_own_columns(common):
    """Two steps of three rows; what a row may not read is so large that it would show."""
    rows = np.zeros(3, dtype=ROW)
    rows["own"] = [2, 0, 1]
    rows["prefix"] = [3, 2, 4] if common else 0
    spans, span_of = [(0, 2), (2, 3)], [0, 0, 1]  # the first two read one trunk
    columns = tensor(0, 1, 2, 3, 1, 5, WIDTH)
    for row, own in enumerate(rows["own"]):
        columns[:, :, row, :, : 2 - own] = 50.0  # aligned on the right: hidden
    trunks = [tensor(seed, 1, 2, 1, common, WIDTH) for seed in (1, 2)]
    trunks[0][..., 3:, :] = 50.0
    own = [columns[0, :, row, 0, 2 - n : 2].numpy().copy() for row, n in enumerate(rows["own"])]
    decode = Decode(columns, trunks, rows, spans)
    assert decode.positions.tolist() == (rows["own"] + rows["prefix"])[:, None].tolist()
    for step in range(2):
        query, key, value = (tensor(10 * step + seed, 3, 2, 1, WIDTH) for seed in (3, 4, 5))
        key, value = key[:, :1], value[:, :1]
        found = decode.attend(0, query, key, value, SCALING)
        decode.advance()
        assert found.shape == (3, 1, 2, WIDTH)
        for row in range(3):
            new = torch.stack([key[row, 0], value[row, 0]]).numpy()
            own[row] = np.concatenate([own[row], new], axis=1)
            read = trunks[span_of[row]][0, :, 0, : rows["prefix"][row]].numpy()
            keys, values = np.concatenate([read, own[row]], axis=1)
            for head in range(2):
                expected = softmax_mean(query[row, head, 0].numpy(), keys, values)
                np.testing.assert_allclose(found[row, 0, head], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("lengths", "blocks"),
    [
        ([9, 8, 5, 4, 1], [(0, 3), (3, 4), (4, 5)]),  # 5 > 9 // 2, 4 is not
        ([7, 7, 7], [(0, 3)]),
        ([], []),
    ],
)
def test_rows_of_similar_length_form_blocks(lengths, blocks):
    assert blocks_of(np.array(lengths, dtype=np.int64), smallest=1) == blocks


def test_blocks_hold_every_row_once():
    rng = np.random.default_rng(0)
    for rows in range(1, 200, 7):
        blocks = blocks_of(np.sort(rng.integers(0, 60, rows))[::-1])
        assert [row for low, high in blocks for row in range(low, high)] == list(range(rows))


def test_blocks_are_not_too_small_to_be_worth_it():
    lengths = np.array([100] * 10 + [3] * 400)
    assert blocks_of(lengths) == [(0, 128), (128, 410)]
    assert blocks_of(lengths[:120]) == [(0, 120)]


@pytest.mark.parametrize("asked", ["sliding_window", "softcap", "s_aux", "position_bias"])
def test_an_attention_that_is_not_here_is_refused_by_name(asked):
    query = tensor(0, 1, 2, 3, WIDTH)
    with pytest.raises(NotImplementedError, match=f"Linear asks for {asked}"):
        ALL_ATTENTION_FUNCTIONS[NAME](
            torch.nn.Linear(1, 1), query, query, query, None, **{asked: 8}
        )


def test_keys_and_values_of_two_widths_are_refused():
    query = tensor(0, 1, 2, 3, WIDTH)
    with pytest.raises(NotImplementedError, match="Linear has keys and values of two widths"):
        ALL_ATTENTION_FUNCTIONS[NAME](
            torch.nn.Linear(1, 1), query, query, query[..., :-1], None, pattern=Prefill()
        )
