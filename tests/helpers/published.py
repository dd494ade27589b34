"""Files of published rollouts as the release documents them, made up."""

import gzip
import json
from pathlib import Path

import numpy as np


def record(scores, problem="1", sample=0, correct=True, **changes) -> dict:
    """A record of len(scores) + 1 tokens, of which ``scores`` are after 1, 2, ... tokens."""
    ids = [10 + i % 7 for i in range(len(scores) + 1)]
    made = {
        "id": f"{problem}_path_{sample}",
        "problem_id": problem,
        "question": f"What is {problem}?",
        "golden_answer": ["70"],
        "full_prompt": f"<user>What is {problem}?<assistant>",
        "response": " ".join(map(str, ids)),
        "response_tokens": [f" {i}" for i in ids],
        "response_token_ids": ids,
        "total_tokens": len(ids),
        "is_correct": correct,
        "all_position_scores": list(scores),
    }
    return made | changes


def encode(text: str) -> np.ndarray:
    """Numbers of a text as its ids: of a response as ``record`` writes it, its own."""
    return np.array([int(word) for word in text.split() if word.isdigit()] or [1], dtype=np.int32)


def write(path: Path, records) -> Path:
    """A file of the release, plain or compressed by its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(records)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path
