"""A chat tokenizer on the testbed's vocabulary: prompts, texts and single tokens."""

import numpy as np
import pytest

from cliff_tokens.policies.tokenizer import ChatTokenizer
from cliff_tokens.testbed.tokenizer import ASSISTANT, END, USER, build, vocabulary

pytest.importorskip("transformers")

TEMPLATE = (
    "{%- for message in messages %}{{- message['content'] }}{%- endfor %}"
    "{%- if thinking is defined and not thinking %}{{- '.' }}{%- endif %}"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The testbed's tokenizer with a template of ours."""
    path, tokenizer = tmp_path_factory.mktemp("tokenizer"), build()
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(path)
    return str(path)


def ids(*tokens):
    words = vocabulary()
    return np.array([words.index(token) for token in tokens], dtype=np.int32)


def test_a_prompt_is_the_question_in_its_template_up_to_the_response(root):
    tokenizer = ChatTokenizer(str(root / "resources/testbed/testbed-small"))
    prompt = tokenizer.prompt_ids("Mia has 12")
    assert prompt.dtype == np.int32
    assert prompt.tolist() == ids(USER, "Mia", " has", " ", "1", "2", ASSISTANT).tolist()


def test_an_instruction_stands_before_the_question_and_the_template_takes_its_arguments(folder):
    assert ChatTokenizer(folder).prompt_ids("1", "2").tolist() == ids("2", "1").tolist()
    assert ChatTokenizer(folder).prompt_ids("1", "").tolist() == ids("1").tolist()
    told = ChatTokenizer(folder, {"thinking": False})
    assert told.prompt_ids("1").tolist() == ids("1", ".").tolist()


def test_texts_leave_special_tokens_out_and_pieces_name_them(folder):
    tokenizer, response = ChatTokenizer(folder), ids("Mia", " has", " ", "7", ".", END)
    assert tokenizer.texts([response, response[:1], response[:0]]) == ["Mia has 7.", "Mia", ""]
    assert tokenizer.pieces(response) == ["Mia", " has", " ", "7", ".", END]


def test_a_repeated_token_is_the_same_piece_each_time(folder):
    tokenizer = ChatTokenizer(folder)
    assert tokenizer.pieces(ids("7", ".", "7", "7")) == ["7", ".", "7", "7"]
    assert tokenizer.pieces(ids()) == []
