"""Drawing tokens from logits of a large vocabulary: the sampler on those that it could keep.

top_k and top_p keep a few of the most probable tokens. Where a bound shows that nothing beyond the
chosen candidates can be kept, the distribution is computed over these alone; rows without such a
bound, and small vocabularies, take the whole row. Tokens are those of ``sampling.draw`` on
``sampling.distribution``, but where a uniform falls within rounding (1e-15) of a boundary.
"""

import numpy as np
import torch

from cliff_tokens.policies.sampling import Sampler, distribution, draw, nucleus

SMALL = 1024  # up to so many tokens, whole rows cost no more than looking for candidates
_TIES = 16  # candidates beyond top_k, for tokens as probable as the last that it keeps
_WITHOUT_TOP_K = 128  # candidates where top_p alone has to bound what is kept
_CELLS = 2**21  # of the logits that are worked on at a time in double precision


def choose(
    logits: torch.Tensor, sampler: Sampler, uniforms: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Token ids [draws], each drawn by its uniform from its row of logits.

    ``logits`` float32 [rows, vocabulary] on any device, ``uniforms`` float64 [draws] in [0, 1),
    ``rows`` int [draws]. No row of logits may have a largest one that is not finite.
    """
    vocabulary = logits.shape[-1]
    bounded = sampler.temperature > 0 and (sampler.top_k or sampler.top_p < 1)
    wanted = sampler.top_k + _TIES if sampler.top_k else _WITHOUT_TOP_K
    if vocabulary <= SMALL or not bounded or wanted >= vocabulary:
        return _whole(logits, sampler, uniforms, rows)
    tokens = np.zeros(len(rows), dtype=np.int64)
    ids, probabilities, sure = _candidates(logits, sampler, wanted)
    here, left = np.flatnonzero(sure[rows]), np.flatnonzero(~sure[rows])
    chosen = draw(probabilities, uniforms[here], rows[here])
    tokens[here] = ids[rows[here], chosen]
    tokens[left] = _whole(logits, sampler, uniforms[left], rows[left])
    return tokens


def _whole(
    logits: torch.Tensor, sampler: Sampler, uniforms: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Token ids [draws], drawn from all of a row's logits, a few draws at a time."""
    size, tokens = max(1, _CELLS // logits.shape[-1]), np.zeros(len(rows), dtype=np.int64)
    order = np.argsort(rows, kind="stable")  # draws from one row stand together
    for first in range(0, len(order), size):
        some = order[first : first + size]
        needed, places = np.unique(rows[some], return_inverse=True)
        kept = logits[torch.from_numpy(needed).to(logits.device)]
        probabilities = distribution(kept.cpu().numpy(), sampler)
        tokens[some] = draw(probabilities, uniforms[some], places)
    return tokens


def _candidates(
    logits: torch.Tensor, sampler: Sampler, wanted: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Candidates in the order of their ids, their probabilities, and whether no other is kept.

    Of each row of logits: int64 [rows, wanted], float64 [rows, wanted], bool [rows].
    """
    top = torch.topk(logits, wanted, dim=-1)
    ids, values = top.indices.cpu().numpy(), top.values.double().cpu().numpy()
    lowest, best = values[:, -1], values[:, :1]
    order = np.argsort(ids, axis=-1)
    by_id = np.take_along_axis(values, order, axis=-1)
    if sampler.top_k:
        # What is as probable as the last that top_k keeps is kept, too: all of it has to be here.
        sure = lowest < values[:, sampler.top_k - 1]
        probabilities = distribution(by_id, sampler)
    else:
        mass = _masses(logits, best[:, 0], sampler.temperature)
        weights = np.exp((by_id - best) / sampler.temperature)
        above = np.where(by_id > lowest[:, None], weights, 0.0).sum(axis=-1)
        # The edge of the nucleus is then above the lowest candidate, and so above all others.
        sure = above >= sampler.top_p * mass * (1 + 1e-12)
        probabilities = np.zeros_like(weights)
        probabilities[sure] = nucleus(weights[sure] / mass[sure, None], sampler.top_p)
    return np.take_along_axis(ids, order, axis=-1), probabilities, sure


def _masses(logits: torch.Tensor, best: np.ndarray, temperature: float) -> np.ndarray:
    """Sums of exp((logit - best) / temperature) over the vocabulary, float64 [rows]."""
    size, masses = max(1, _CELLS // logits.shape[-1]), []
    top = torch.from_numpy(best).to(logits.device)[:, None]
    for first in range(0, len(logits), size):
        part = logits[first : first + size].double().sub_(top[first : first + size])
        masses.append(part.div_(temperature).exp_().sum(dim=-1))
    return torch.cat(masses).cpu().numpy()
