"""A chat tokenizer on the testbed's vocabulary: prompts, texts and single tokens."""

import numpy as np
import pytest
from helpers.models import save_tokenizer

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


SHOTS = [("a b", "c"), ("d", "e")]
TURNS = (
    "{% for m in messages %}{{ '<user> ' if m.role == 'user' else '<think> ' }}{{ m.content }} "
    "{{ '<end> ' if m.role == 'assistant' }}{% endfor %}{{ '<think> ' }}"
)


@pytest.fixture
def own(tmp_path):
    """A tokenizer with a token <think> that the template writes, but which is not special."""
    tokenizer = save_tokenizer(tmp_path / "mine", TURNS)
    tokenizer.add_tokens(["<think>", "ordinary", "==", "content"])
    tokenizer.save_pretrained(tmp_path / "mine")
    return ChatTokenizer(tmp_path / "mine")


def test_worked_examples_are_turns_before_the_question(own):
    prompt = own.prompt_ids("f ?", shots=SHOTS)
    expected = "<user> a b <think> c <end> <user> d <think> e <end> <user> f ? <think>"
    assert own.pieces(prompt) == expected.split()
    words = "ordinary == content ?"  # added tokens, too, two of which are words of the program
    assert own.pieces(own.prompt_ids(words)) == ["<user>", *words.split(), "<think>"]


@pytest.mark.parametrize("markup", ["<end>", "<user>", "<pad>", "<think>"])
@pytest.mark.parametrize("place", ["question", "system", "asked", "answer"])
def test_markup_inside_a_text_is_refused_and_the_text_is_quoted(own, markup, place):
    text = f"a {markup} b ?"
    texts = {"question": "a", "system": "b", "asked": "c", "answer": "d"} | {place: text}
    message = rf"mine: the text 'a {markup} b \?' holds {markup}, which the model takes for markup"
    with pytest.raises(ValueError, match=message):
        own.prompt_ids(texts["question"], texts["system"], [(texts["asked"], texts["answer"])])


def test_markup_inside_a_plain_text_is_refused(own):
    with pytest.raises(ValueError, match=r"the text 'a <end> b' holds <end>"):
        own.plain_ids("a <end> b")
    assert own.pieces(own.plain_ids("a <think> b")) == ["a", "<think>", "b"]  # of templates alone


def test_text_that_would_be_lost_is_refused(own):
    for prompt in (own.prompt_ids, own.plain_ids):
        with pytest.raises(ValueError, match=r"no tokens for a part of 'a caf\u00e9', .* as <unk>"):
            prompt("a caf\u00e9")


def test_text_that_a_tokenizer_cannot_read_is_quoted_with_the_model(root):
    tokenizer = ChatTokenizer(root / "resources/testbed/testbed-small")
    with pytest.raises(ValueError, match=r"testbed-small: .*walrus.* has no tokens: "):
        tokenizer.prompt_ids("walrus")


def test_a_tokenizer_without_a_template_opens_and_asks_in_plain_text_alone(tmp_path):
    save_tokenizer(tmp_path)
    tokenizer = ChatTokenizer(tmp_path)
    assert tokenizer.pieces(tokenizer.plain_ids("a b ?")) == ["a", "b", "?"]
    with pytest.raises(ValueError, match="no chat template there"):
        tokenizer.prompt_ids("a")


def test_a_tokenizer_that_ends_every_text_cannot_ask_in_plain_text(tmp_path):
    from tokenizers.processors import TemplateProcessing

    tokenizer = save_tokenizer(tmp_path)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        "$A <end>", None, [("<end>", 1)]
    )
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"puts <end> after a text.* add_eos_token: false"):
        ChatTokenizer(tmp_path).plain_ids("a")


def test_arguments_are_checked_when_the_tokenizer_is_opened(tmp_path):
    save_tokenizer(tmp_path, TURNS)
    with pytest.raises(ValueError, match="does not read 'enable_thinkng'; it knows no arguments"):
        ChatTokenizer(tmp_path, {"enable_thinkng": False})
