"""Numbers of things, in words."""


def counted(number: int, one: str, many: str | None = None) -> str:
    """"1 batch", "2 batches": a number with the word for it.

    Args:
        one: the word for one thing.
        many: for several; none: with an s, or es after a hiss.
    """
    plural = many or (f"{one}es" if one.endswith(("s", "x", "ch", "sh")) else f"{one}s")
    return f"{number:,} {one if number == 1 else plural}"
