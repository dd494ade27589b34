"""From a question to the token ids of a chat prompt, and from token ids back to text.

Token ids are kept end to end: a response is never encoded again from its text. The chat template
writes the special tokens itself, so none are added to what it returns.
"""

from collections.abc import Sequence

import numpy as np

from cliff_tokens.policies import checkpoint


class ChatTokenizer:
    """A model's tokenizer and chat template."""

    def __init__(self, model: str, chat: dict | None = None):
        """Load from a folder; ``chat`` holds extra arguments of the template."""
        self._tokenizer = checkpoint.open_tokenizer(model)
        self._chat = chat or {}

    def prompt_ids(
        self, question: str, system: str | None = None, shots: Sequence[tuple[str, str]] = ()
    ) -> np.ndarray:
        """int32 token ids of the prompt, up to where the response begins.

        ``shots`` are questions with their answers, turns that come before the question.
        """
        messages = [{"role": "system", "content": system}] if system else []
        for asked, answer in shots:
            messages.append({"role": "user", "content": asked})
            messages.append({"role": "assistant", "content": answer})
        messages.append({"role": "user", "content": question})
        text = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=False, **self._chat
        )
        ids = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return np.asarray(ids, dtype=np.int32)

    def plain_ids(self, text: str) -> np.ndarray:
        """int32 token ids of a prompt without turns, with what the tokenizer puts before a text."""
        return np.asarray(self._tokenizer(text)["input_ids"], dtype=np.int32)

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
