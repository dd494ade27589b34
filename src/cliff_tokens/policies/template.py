"""A model's chat template: what is asked of it has to stand in what it writes.

A template is a program of the model's author. It may know no instruction, no worked examples or
not the argument that it is given, and most say nothing of it. So each turn is looked for in the
text, between what the template writes of its own.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# What a template that asks for the date is told, so that a prompt is the same on every day: the
# date that Llama 3.1 writes unless it is told another.
TODAY = datetime(2024, 7, 26)
_SET_HERE = {"messages", "add_generation_prompt", "tools", "documents", "strftime_now"}
_MARK = (
    "\ue000{}\ue001"  # stands for a turn's content: private characters, which no template writes
)


class ChatTemplate:
    """The template of a tokenizer.

    Args:
        tokenizer: as transformers opens it.
        model: folder of the model, for messages.
        chat: further arguments of the template.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", model: str, chat: dict):
        import jinja2.meta
        from transformers.utils.chat_template_utils import _compile_jinja_template

        self._tokenizer, self._model, self._chat = tokenizer, model, chat
        try:
            self.source = tokenizer.get_chat_template()
        except ValueError as error:
            raise ValueError(
                f"{model}: no chat template there; expected chat_template.jinja, or a "
                "data set that is asked in plain text (plain)"
            ) from error
        try:
            environment = _compile_jinja_template(self.source).environment
            read = jinja2.meta.find_undeclared_variables(environment.parse(self.source))
        except jinja2.TemplateError as error:
            raise ValueError(f"{model}: the chat template cannot be read: {error}") from error
        known = sorted(read - _SET_HERE - set(environment.globals))
        for key in chat:
            if key not in known:
                raise ValueError(
                    f"{model}: chat: the template does not read {key!r}; it knows "
                    f"{', '.join(known) or 'no arguments'}"
                )
        self._frames = {}

    def write(self, messages: Sequence[dict]) -> tuple[str, list[str]]:
        """The prompt of these turns, and the parts of it that the template writes of its own.

        A part stands before each content and one after the last. A content may lose white space
        at its ends and must not change otherwise.
        """
        roles = tuple(message["role"] for message in messages)
        if roles not in self._frames:
            self._frames[roles] = self._frame(messages)
        first, *parts = self._frames[roles]
        text, begun = self._render(messages), {first}
        for message, part in zip(messages, parts, strict=True):
            content = message["content"]
            forms = {content, content.lstrip(), content.rstrip(), content.strip()}
            begun = {before + form + part for before in begun for form in forms}
            begun = {before for before in begun if text.startswith(before)}
            if not begun:
                raise ValueError(
                    f"{self._model}: the chat template changes the {message['role']}'s text "
                    f"{shortened(content)}, or itself because of it"
                )
        if text not in begun:
            raise ValueError(
                f"{self._model}: the chat template ends otherwise because of the text "
                f"{shortened(messages[-1]['content'])}"
            )
        return text, [first, *parts]

    def _frame(self, messages: Sequence[dict]) -> list[str]:
        """What the template writes around the contents of such turns."""
        marks = [_MARK.format(place) for place in range(len(messages))]
        marked = [
            {**message, "content": mark} for message, mark in zip(messages, marks, strict=True)
        ]
        rest, parts = self._render(marked), []
        for message, mark in zip(messages, marks, strict=True):
            if rest.count(mark) != 1:
                there = "out of order" if any(mark in part for part in parts) else "out"
                there = "in more than once" if mark in rest else there
                remedy = (
                    "; set system: null for the data set" if message["role"] == "system" else ""
                )
                raise ValueError(
                    f"{self._model}: the chat template leaves the {message['role']}'s text "
                    f"{shortened(message['content'])} {there}{remedy}"
                )
            part, rest = rest.split(mark)
            parts.append(part)
        return [*parts, rest]

    def _render(self, messages: Sequence[dict]) -> str:
        try:
            return self._apply(messages)
        except Exception as error:  # whatever the program of the template comes to
            roles, remedy = [message["role"] for message in messages], ""
            if "system" in roles and self._takes(messages[1:]):
                remedy = "; it takes no system message: set system: null for the data set"
            elif "assistant" in roles and self._takes(messages[-1:]):
                remedy = "; it takes no worked examples as turns"
            raise ValueError(
                f"{self._model}: the chat template refuses the turns {', '.join(roles)}: "
                f"{error}{remedy}"
            ) from error

    def _takes(self, messages: Sequence[dict]) -> bool:
        try:
            self._apply(messages)
        except Exception:  # as above
            return False
        return True

    def _apply(self, messages: Sequence[dict]) -> str:
        return self._tokenizer.apply_chat_template(
            list(messages),
            add_generation_prompt=True,
            tokenize=False,
            strftime_now=TODAY.strftime,
            **self._chat,
        )


def shortened(text: str) -> str:
    """A text as messages quote it."""
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
