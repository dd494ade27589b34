"""The testbed's tokenizer: a word or a single digit is one token, with a chat template.

The vocabulary is read off the generators' own phrases, so it cannot fall out of step with them.
"""

import re
from typing import TYPE_CHECKING

from cliff_tokens.stages import generators
from cliff_tokens.testbed import corpus

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD, END, USER, ASSISTANT = "<|pad|>", "<|end|>", "<|user|>", "<|assistant|>"
PATTERN = r"\\boxed\{| ?[A-Za-z]+|[0-9]|[^A-Za-z0-9]"
CHAT_TEMPLATE = (
    "{%- for message in messages %}"
    "{%- if message['role'] not in ('user', 'assistant') %}"
    "{{- raise_exception('the testbed knows the roles user and assistant only') }}"
    "{%- endif %}"
    "{{- '<|' + message['role'] + '|>' + message['content'] }}"
    "{%- if message['role'] == 'assistant' %}{{- '<|end|>' }}{%- endif %}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|assistant|>' }}{%- endif %}"
)


def vocabulary() -> list[str]:
    """Every token, special tokens first."""
    # Inside a text these follow a space, which belongs to the word's token.
    inner = [
        *generators.GAINS, *generators.LOSSES, *generators.NAMES, *generators.NAMES.values(),
        *generators.THINGS, *corpus.LINKS, *corpus.DIVISIONS,
        "has now has times as many How many does have",
    ]  # fmt: skip
    first = [
        *generators.NAMES, *generators.FACTORS_QUESTIONS, *corpus.OPENINGS, *corpus.DIVISIONS,
        *corpus.RESTATEMENTS, *corpus.CORRECTIONS, *corpus.PRIME_REMARKS, *corpus.SUMS,
        *corpus.CLOSINGS, "0123456789+-*/=.?",
    ]  # fmt: skip
    phrases = [*first, *(f" {phrase}" for phrase in inner)]
    words = set()
    for phrase in phrases:
        plain = re.sub(r"\{[a-z]+\}", "0", phrase.replace("{{", "{").replace("}}", "}"))
        words.update(re.findall(PATTERN, plain))
    return [PAD, END, USER, ASSISTANT, *sorted(words)]


def build() -> "PreTrainedTokenizerFast":
    """The tokenizer as an ordinary Hugging Face one; text outside the vocabulary is an error."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokens = vocabulary()
    tokenizer = Tokenizer(models.WordLevel({token: row for row, token in enumerate(tokens)}))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PATTERN), "isolated")
    tokenizer.decoder = decoders.Fuse()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[USER, ASSISTANT],
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast
