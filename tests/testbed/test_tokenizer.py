"""The testbed's tokenizer: every text comes back, nothing else is let in."""

import numpy as np
import pytest
from helpers.testbed import GENERATORS, some

from cliff_tokens.testbed import corpus, tokenizer
from cliff_tokens.testbed.corpus import Habits


def test_the_tokenizer_gives_back_every_text_and_knows_every_word():
    fast = tokenizer.build()
    rng = np.random.default_rng(2)
    for name in GENERATORS:
        for problem in some(name, 200):
            for text in (problem.question, corpus.write(problem, Habits(), rng)):
                assert fast.decode(fast.encode(text)) == text
    with pytest.raises(Exception, match="WordLevel"):
        fast.encode("zebra")


def test_the_chat_template_opens_the_answer_and_knows_its_roles():
    fast = tokenizer.build()
    asked = [{"role": "user", "content": "Add up the prime factors of 8."}]
    text = fast.apply_chat_template(asked, add_generation_prompt=True, tokenize=False)
    assert text == "<|user|>Add up the prime factors of 8.<|assistant|>"
    with pytest.raises(Exception, match="roles user and assistant"):
        fast.apply_chat_template([{"role": "system", "content": "x"}], tokenize=False)
