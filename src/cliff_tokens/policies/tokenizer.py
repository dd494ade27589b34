"""From a question to the token ids of a chat prompt, and from token ids back to text.

Token ids are kept end to end: a response is never encoded again from its text. The chat template
writes the special tokens itself, so none are added to what it returns.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from cliff_tokens.policies import checkpoint
from cliff_tokens.policies.template import ChatTemplate, shortened


class ChatTokenizer:
    """A model's tokenizer and chat template."""

    def __init__(self, model: str, chat: dict | None = None):
        """Load from a folder; ``chat`` holds extra arguments of the template."""
        self._model, self._chat = str(model), chat or {}
        self._tokenizer = checkpoint.open_tokenizer(model)
        self._markup = checkpoint.special_ids(self._tokenizer) - {self._tokenizer.unk_token_id}
        if self._chat:
            self._template  # noqa: B018, which refuses arguments that it does not read

    @cached_property
    def _template(self) -> ChatTemplate:
        return ChatTemplate(self._tokenizer, self._model, self._chat)

    @cached_property
    def _written(self) -> set[int]:
        """Added tokens that stand in the template: markup, whether the tokenizer says so or not."""
        added = self._tokenizer.added_tokens_decoder.items()
        return {
            token
            for token, how in added
            # Not words, nor what the template's own code is made of.
            if len(how.content.strip()) > 2
            and not how.content.isalnum()
            and how.content in self._template.source
        }

    @property
    def has_turns(self) -> bool:
        """Whether the model's folder has a chat template."""
        return bool(self._tokenizer.chat_template)

    def prompt_ids(
        self, question: str, system: str | None = None, shots: Sequence[tuple[str, str]] = ()
    ) -> np.ndarray:
        """int32 token ids of the prompt, up to where the response begins.

        ``shots`` are questions with their answers, turns that come before the question. Text that
        would not come through as text is an error.
        """
        messages = [{"role": "system", "content": system}] if system else []
        for asked, answer in shots:
            messages.append({"role": "user", "content": asked})
            messages.append({"role": "assistant", "content": answer})
        messages.append({"role": "user", "content": question})
        text, written = self._template.write(messages)
        ids = self._encode(text)
        expected = [token for part in written if part for token in self._encode(part)]
        texts = [message["content"] for message in messages]
        self._refuse_markup(ids, expected, self._markup | self._written, texts)
        return np.asarray(ids, dtype=np.int32)

    def plain_ids(self, text: str) -> np.ndarray:
        """int32 token ids of a prompt without turns, with what the tokenizer puts before a text."""
        ids, around = self._encode(text, True), self._encode("", True)
        if self._tokenizer.eos_token_id in ids[-1:]:
            raise ValueError(
                f"{self._model}: the tokenizer puts {self._tokenizer.eos_token} after a text, so "
                "that nothing follows it; expected add_eos_token: false in tokenizer_config.json"
            )
        self._refuse_markup(ids, around, self._markup, [text])
        return np.asarray(ids, dtype=np.int32)

    def _encode(self, text: str, special: bool = False) -> list[int]:
        try:
            return self._tokenizer(text, add_special_tokens=special)["input_ids"]
        except Exception as error:  # tokenizers raises the base class itself
            raise ValueError(f"{self._model}: {shortened(text)} has no tokens: {error}") from error

    def _refuse_markup(self, ids, expected, markup: set[int], texts: Sequence[str]) -> None:
        """Refuse texts in which tokens stand that only a template or the model may write."""
        found, wanted = ([token for token in some if token in markup] for some in (ids, expected))
        if found != wanted:
            holding = [text for text in texts if markup & {*self._encode(text)}] or texts[-1:]
            here = markup & {*self._encode(holding[0])} or {*found}
            names = ", ".join(self._tokenizer.convert_ids_to_tokens(sorted(here)))
            raise ValueError(
                f"{self._model}: the text {shortened(holding[0])} holds {names}, which the model "
                "takes for markup; take it out of the question, the system message or the worked "
                "examples"
            )
        unknown = self._tokenizer.unk_token_id
        if unknown in ids and unknown not in expected:
            lost = [text for text in texts if unknown in self._encode(text)] or texts[-1:]
            raise ValueError(
                f"{self._model}: the tokenizer has no tokens for a part of {shortened(lost[0])}, "
                f"which would be lost as {self._tokenizer.unk_token}"
            )

    def written_ids(self, text: str) -> np.ndarray:
        """int32 token ids of a text as it stands: special tokens only where it writes them."""
        return np.asarray(self._encode(text), dtype=np.int32)

    def containing(self, text: str) -> np.ndarray:
        """int64, the tokens that contain ``text`` when decoded alone."""
        ids = np.arange(len(self._tokenizer))
        return ids[[text in piece for piece in self.pieces(ids)]]

    def texts(self, responses: Sequence[np.ndarray]) -> list[str]:
        """Responses as text, special tokens left out."""
        return self._tokenizer.batch_decode(
            [ids.tolist() for ids in responses], skip_special_tokens=True
        )

    def pieces(self, ids: np.ndarray) -> list[str]:
        """Each token decoded alone, special tokens by name."""
        unique, places = np.unique(ids, return_inverse=True)
        pieces = self._tokenizer.batch_decode([[int(token)] for token in unique])
        return [pieces[place] for place in places]

    def first_difference(self, other: "ChatTokenizer", ids: np.ndarray) -> int | None:
        """The lowest of ``ids`` that is another token to ``other``; None if there is none.

        A token is its name in the vocabulary and whether it is special, so that text and chat
        markers cannot be taken for each other.
        """
        ids = np.unique(ids).tolist()
        for token, here, there in zip(ids, self._named(ids), other._named(ids), strict=True):
            if here != there:
                return token
        return None

    def _named(self, ids: list[int]) -> list[tuple[str | None, bool]]:
        special = set(self._tokenizer.all_special_ids)
        names = self._tokenizer.convert_ids_to_tokens(ids)
        return [(name, token in special) for token, name in zip(ids, names, strict=True)]
