"""Numbers of things, in words, and names that have little room."""

from collections.abc import Sequence
from os.path import commonprefix


def counted(number: int, one: str, many: str | None = None) -> str:
    """"1 batch", "2 batches": a number with the word for it.

    Args:
        one: the word for one thing.
        many: for several; none: with an s, or es after a hiss.
    """
    plural = many or (f"{one}es" if one.endswith(("s", "x", "ch", "sh")) else f"{one}s")
    return f"{number:,} {one if number == 1 else plural}"


def shortened(text: str, longest: int) -> str:
    """A name with its middle left out where it is longer than so many letters."""
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]}\N{HORIZONTAL ELLIPSIS}{text[half - longest + 1 :]}"


def told_apart(names: Sequence[str], longest: int) -> list[str]:
    """Names of one kind in so many letters: where one is longer, what all of them share at their ends is left out."""
    if len(set(names)) < 2 or max(map(len, names)) <= longest:
        return [shortened(name, longest) for name in names]
    first = len(commonprefix(list(names)))
    rests = [name[first:] for name in names]
    last = len(commonprefix([rest[::-1] for rest in rests]))
    before, after = ("\N{HORIZONTAL ELLIPSIS}" if shared else "" for shared in (first, last))
    return [shortened(f"{before}{rest[: len(rest) - last]}{after}", longest) for rest in rests]
