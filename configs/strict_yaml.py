"""YAML as the settings use it: plain values, each key once, bounded in size, and no number that can be misread.

Plain words and numbers mean what YAML 1.2's core schema says. What YAML 1.1 takes for a number or a truth value and
1.2 does not (``on``, ``1:30``, ``010``, ``1_000``) is refused, since its writer may have meant either. Tags are
refused; anchors, aliases and merge keys are read, each alias as a copy of its own.
"""

import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import yaml
from yaml.events import AliasEvent, MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent, StreamEndEvent

from configs.errors import UserError

LONGEST_TEXT = 65_536
"""Characters; the longest settings that come with the project have 1,100."""
MOST_VALUES = 20_000
"""What aliases stand for is counted each time, so that a few lines cannot unfold into millions of values."""
DEEPEST = 24
LONGEST_NUMBER = 100
"""Characters; Python takes time that grows with the square of a number's length, and gives up at 4,300 digits."""
LARGEST_WHOLE = 2**63 - 1
"""Tensors hold no larger ones."""

# Where PyYAML was built with libyaml, that parses thirty times as fast.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

WORDS: Mapping[str, Any] = {
    form: value
    for word, value in {
        "": None, "~": None, "null": None, "true": True, "false": False,
        ".inf": math.inf, "+.inf": math.inf, "-.inf": -math.inf, ".nan": math.nan, ".NaN": math.nan,
    }.items()
    for form in (word, word.title(), word.upper())
}  # fmt: skip
INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?")
MISREAD = {f"tag:yaml.org,2002:{kind}" for kind in ("bool", "int", "float")}
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")

Keys = tuple[str, ...]
MERGE = object()
_OPEN = object()


def parse(text: str, where: str, keys: Keys = ()) -> Any:
    """The value of a text with at most one YAML document; None for an empty one.

    Args:
        text: the YAML.
        where: what begins every complaint: the file or the flag.
        keys: the keys under which the value stands, for complaints.

    Returns:
        None, bool, int, float, str, and lists and dicts of these; a dict's keys are str or int.

    Raises:
        UserError: it is not YAML, too large or too deep, or holds something that settings do not use.
    """
    place = ": ".join(part for part in (where, ".".join(keys)) if part)
    if len(text) > LONGEST_TEXT:
        raise UserError(f"{place}: {len(text):,} characters of YAML; at most {LONGEST_TEXT:,} are read")
    try:
        return _Reader(text, where).document(keys)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark and "\n" in text else ""
        problem = ", ".join(part for part in (error.context, error.problem) if part)
        raise UserError(f"{place}: cannot be read as YAML: {line}{problem}; correct it") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # characters and escapes that are none
        raise UserError(f"{place}: cannot be read as YAML: {error}; correct it") from error


def check_text(text: str, where: str) -> None:
    """See that a text has no control characters but tabs and new lines, and no halves of surrogate pairs.

    Raises:
        UserError: it has; such a text can be neither a name nor a path, and often cannot be printed.
    """
    found = UNPRINTABLE.search(text)
    if found:
        raise UserError(f"{where}: it holds the character {found[0]!r}, which settings cannot hold; remove it")


class _Reader:
    """Builds the plain values of one document out of the parser's events, and counts them while it does."""

    def __init__(self, text: str, where: str) -> None:
        self._where = where
        self._loader = LOADER(text)
        self._anchors: dict[str, Any] = {}
        self._values = 0
        self._has_lines = "\n" in text

    def document(self, keys: Keys) -> Any:
        self._loader.get_event()  # the stream begins
        if isinstance(self._loader.peek_event(), StreamEndEvent):
            return None
        self._loader.get_event()  # the document begins
        value = self._value(self._loader.get_event(), keys)
        self._loader.get_event()  # the document ends
        event = self._loader.get_event()
        if not isinstance(event, StreamEndEvent):
            self._refuse(event, keys, "a second document begins here; keep one")
        return value

    def _value(self, event: Any, keys: Keys) -> Any:
        self._count(event, keys)
        if isinstance(event, AliasEvent):
            return self._alias(event, keys)
        if event.anchor:
            self._anchors[event.anchor] = _OPEN
        value = self._content(event, keys)
        if event.anchor:
            self._anchors[event.anchor] = value
        return value

    def _content(self, event: Any, keys: Keys) -> Any:
        if event.tag is not None:
            self._refuse(event, keys, f"the tag '{event.tag}' is not read; write a plain value")
        if isinstance(event, ScalarEvent):
            return self._scalar(event, keys)
        if isinstance(event, MappingStartEvent):
            return self._mapping(keys)
        values: list[Any] = []
        while not isinstance(event := self._loader.get_event(), SequenceEndEvent):
            values.append(self._value(event, (*keys, str(len(values)))))
        return values

    def _mapping(self, keys: Keys) -> dict[str | int, Any]:
        own: dict[Any, Any] = {}
        merged: dict[str | int, Any] = {}
        lines: dict[str, int] = {}
        while not isinstance(event := self._loader.get_event(), MappingEndEvent):
            key = self._key(event, keys)
            name = event.value if key is MERGE else str(key)  # 30 and "30" are one key to whoever wants a whole number
            inner = (*keys, name)
            if name in lines:
                place = f"in line {lines[name]}" if self._has_lines else "before it"
                self._refuse(event, inner, f"the key is there twice, also {place}; remove one")
            lines[name] = event.start_mark.line + 1
            value = self._value(self._loader.get_event(), inner)
            if key is MERGE:
                merged = self._merged(event, inner, value)
            else:
                own[key] = value
        return {**merged, **own}

    def _key(self, event: Any, keys: Keys) -> Any:
        if not isinstance(event, ScalarEvent) or event.tag is not None:
            self._refuse(event, keys, "a key here is not a plain word or whole number; write it as one")
        if event.value == "<<" and event.implicit[0]:
            return MERGE
        key = self._scalar(event, (*keys, event.value))
        if isinstance(key, bool) or not isinstance(key, (str, int)):
            self._refuse(event, keys, f"the key '{event.value}' is not a name or whole number; put it in quotes")
        return key

    def _merged(self, event: Any, keys: Keys, value: Any) -> dict[str | int, Any]:
        bases = value if isinstance(value, list) else [value]
        if not all(isinstance(base, dict) for base in bases):
            self._refuse(event, keys, "'<<' takes a mapping or a list of mappings; write one")
        return {key: content for base in reversed(bases) for key, content in base.items()}  # the first one wins

    def _scalar(self, event: Any, keys: Keys) -> Any:
        text: str = event.value
        found = UNPRINTABLE.search(text)
        if found:
            self._refuse(event, keys, f"it holds the character {found[0]!r}, which settings cannot hold; remove it")
        if not event.implicit[0]:  # in quotes, or a block of text
            return text
        if text in WORDS:
            return WORDS[text]
        whole = INTEGER.fullmatch(text)
        if whole or FLOAT.fullmatch(text):
            if len(text) > LONGEST_NUMBER:
                self._refuse(event, keys, f"a number of {len(text):,} characters; at most {LONGEST_NUMBER} are read")
            number = int(text) if whole else float(text)
            if math.isinf(number):
                self._refuse(event, keys, f"{text} is beyond what a computer counts with, 1.8e308; write less")
            if whole and not -LARGEST_WHOLE <= number <= LARGEST_WHOLE:
                self._refuse(event, keys, f"{text} is beyond whole numbers of 64 bits, 9.2e18; write less")
            return number
        if self._loader.resolve(yaml.ScalarNode, text, (True, False)) in MISREAD:
            self._refuse(event, keys, f"'{text}' is a number or truth value to some versions of YAML and text to "
                                      f"others; write a decimal number, true or false, or put it in quotes")
        return text

    def _alias(self, event: Any, keys: Keys) -> Any:
        if event.anchor not in self._anchors:
            self._refuse(event, keys, f"there is no anchor '&{event.anchor}' before '*{event.anchor}'; define it")
        value = self._anchors[event.anchor]
        if value is _OPEN:
            self._refuse(event, keys, f"'*{event.anchor}' stands inside of what it stands for; write the value out")
        return self._copy(event, value, keys)

    def _copy(self, event: Any, value: Any, keys: Keys) -> Any:
        """A copy for an alias, so that what overrides one place leaves the other alone."""
        if isinstance(value, dict):
            items = ((key, content, (*keys, str(key))) for key, content in value.items())
            return {key: self._copied(event, content, inner) for key, content, inner in items}
        if isinstance(value, list):
            return [self._copied(event, content, (*keys, str(i))) for i, content in enumerate(value)]
        return value

    def _copied(self, event: Any, value: Any, keys: Keys) -> Any:
        self._count(event, keys)
        return self._copy(event, value, keys)

    def _count(self, event: Any, keys: Keys) -> None:
        self._values += 1
        if self._values > MOST_VALUES:
            self._refuse(event, keys, f"more than {MOST_VALUES:,} values, with all that aliases repeat; hold fewer")
        if len(keys) > DEEPEST:
            self._refuse(event, keys, f"more than {DEEPEST} levels deep; nest less")

    def _refuse(self, event: Any, keys: Keys, problem: str) -> NoReturn:
        line = f"line {event.start_mark.line + 1}" if self._has_lines else ""
        raise UserError(": ".join(part for part in (self._where, ".".join(keys), line, problem) if part))
