"""Chat templates as strangers write them: what is asked has to stand in the prompt."""

import pytest
from helpers.models import save_tokenizer

from cliff_tokens.policies.template import ChatTemplate

pytest.importorskip("transformers")

GOOD = (
    "{% for m in messages %}{{ '<' + m.role + '> ' + m.content + ' <end> ' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant> ' }}{% endif %}"
    "{% if enable_thinking is defined and not enable_thinking %}{{ 'w1 ' }}{% endif %}"
)
ASKED = [
    {"role": "system", "content": "w8"},
    {"role": "user", "content": "a"},
    {"role": "assistant", "content": "b"},
    {"role": "user", "content": "c ?"},
]
LAST = ASKED[-1:]


@pytest.fixture
def template(tmp_path):
    def template(source, chat=None):
        folder = tmp_path / "own model"
        return ChatTemplate(save_tokenizer(folder, source), str(folder), chat or {})

    return template


def test_turns_stand_between_what_the_template_writes(template):
    text, parts = template(GOOD).write(ASKED)
    assert (
        text == "<system> w8 <end> <user> a <end> <assistant> b <end> <user> c ? <end> <assistant> "
    )
    assert parts[:2] == ["<system> ", " <end> <user> "]
    assert parts[-1] == " <end> <assistant> "
    assert (
        "".join(part + x for part, x in zip(parts, ["w8", "a", "b", "c ?", ""], strict=True))
        == text
    )


def test_a_template_may_trim_and_join_a_system_message_to_the_question(template):
    joined = (
        "{% set told = messages[0].content + ' ' if messages[0].role == 'system' else '' %}"
        "{{ told }}{{ messages[-1].content | trim }}"
    )
    text, parts = template(joined).write([ASKED[0], {"role": "user", "content": " a\n"}])
    assert (text, parts) == ("w8 a", ["", " ", ""])


def test_arguments_are_given_to_the_template(template):
    assert template(GOOD, {"enable_thinking": False}).write(LAST)[0].endswith("<assistant> w1 ")
    assert template(GOOD, {"enable_thinking": True}).write(LAST)[0].endswith("<assistant> ")


@pytest.mark.parametrize(
    "key", ["enable_thinkng", "chat_template", "tokenize", "messages", "add_generation_prompt"]
)
def test_arguments_that_the_template_does_not_read_are_refused(template, key):
    message = rf"own model: chat: the template does not read '{key}'; it knows enable_thinking"
    with pytest.raises(ValueError, match=message):
        template(GOOD, {key: False})
    with pytest.raises(ValueError, match="it knows no arguments"):
        template("{{ messages[0].content }}", {key: False})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "{{ messages[1].content }}{{ messages[2].content }}{{ messages[3].content }}",
            r"leaves the system's text 'w8' out; set system: null for the data set",
        ),
        (
            "{% if messages[0].role == 'system' %}{{ raise_exception('no such role') }}{% endif %}",
            r"refuses the turns system, user, assistant, user: no such role; it takes no system "
            r"message: set system: null",
        ),
        (
            "{{ raise_exception('one turn, please') if messages | length > 2 }}"
            "{% for m in messages %}{{ m.content }}{% endfor %}",
            r"one turn, please; it takes no worked examples as turns",
        ),
        ("{{ raise_exception('never') }}", r"refuses the turns [a-z, ]*: never$"),
        (
            "{{ messages[0].content }}{{ messages[-1].content }}",
            r"leaves the user's text 'a' out$",
        ),
        ("{% for m in messages[:3] %}{{ m.content }}{% endfor %}", r"the user's text 'c \?' out$"),
        (
            "{% for m in messages %}{{ m.content }}{% endfor %}{{ messages[-1].content }}",
            r"leaves the user's text 'c \?' in more than once",
        ),
        (
            "{{ messages[1].content }}{{ messages[0].content }}{{ messages[2].content }}"
            "{{ messages[3].content }}",
            r"leaves the user's text 'a' out of order",
        ),
        (
            "{% for m in messages %}{{ m.content | upper }}{% endfor %}",
            r"changes the system's text 'w8', or itself because of it",
        ),
        (
            "{% for m in messages %}{{ m.content.split(' ')[0] }}{% endfor %}",
            r"(changes the user's text|ends otherwise because of the text) 'c \?'",
        ),
        (
            "{% for m in messages %}{{ m.content }}{% endfor %}"
            "{{ '!' if '?' in messages[-1].content }}",
            r"ends otherwise because of the text 'c \?'",
        ),
        ("{% for m in messages %}", r"own model: the chat template cannot be read: "),
        ("{% for m in messages %}{{ m.content[0].text }}{% endfor %}", r"the system's text 'w8' o"),
    ],
)  # fmt: skip
def test_what_does_not_come_through_is_refused_by_turn(template, source, message):
    with pytest.raises(ValueError, match=message):
        template(source).write(ASKED)


def test_the_date_is_the_same_on_every_day_and_can_be_set_where_it_is_read(template):
    dated = (
        "{% if not date_string is defined %}{% set date_string = strftime_now('%d %b %Y') %}"
        "{% endif %}{{ date_string + ' ' }}{{ messages[0].content }}"
    )
    assert template(dated).write(LAST)[0] == "26 Jul 2024 c ?"
    assert template(dated, {"date_string": "today"}).write(LAST)[0] == "today c ?"


def test_a_tokenizer_without_a_template_is_named(template):
    with pytest.raises(ValueError, match=r"own model: no chat template there; expected chat_temp"):
        template(None)


def test_of_several_templates_the_default_is_taken(template):
    assert template({"default": GOOD, "tool_use": "w1"}).write(LAST)[0].startswith("<user> c ?")
    with pytest.raises(ValueError, match="no chat template there"):
        template({"rag": GOOD, "tool_use": "w1"})
