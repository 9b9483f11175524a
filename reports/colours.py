"""Colours that colour-blind readers can tell apart, as triples from 0 to 255, and which text can be read on them."""

from collections.abc import Sequence

import numpy as np

OKABE_ITO = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#999999")
"""Okabe and Ito, 2008."""
CIVIDIS = ("#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838")
"""Dark blue to yellow in equal steps: Nunez, Anderton and Renslow, 2018."""
DIVERGING = ("#8c4a00", "#d9822b", "#f6c88f", "#f7f7f7", "#a6cbe8", "#4a90c9", "#0b4f8a")
"""Brown for less, blue for more, white in the middle."""


def rgb(colour: str) -> tuple[int, int, int]:
    """``#rrggbb`` as three numbers."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return red, green, blue


def blend(shares: np.ndarray, stops: Sequence[str]) -> np.ndarray:
    """Colours on the way from the first stop, at 0, to the last, at 1; what lies beyond has the last colour.

    Args:
        shares: of any shape, no NaN.

    Returns:
        uint8 [*shape, 3].
    """
    places = np.linspace(0, 1, len(stops))
    channels = np.array([rgb(stop) for stop in stops], dtype=float).T
    mixed = [np.interp(shares, places, channel) for channel in channels]
    return np.stack(mixed, axis=-1).round().astype(np.uint8)


def text_colour(background: Sequence[float] | np.ndarray) -> str:
    """Black or white, whichever has the higher contrast on a colour from 0 to 1 (WCAG 2, relative luminance)."""
    srgb = np.asarray(background, dtype=float)[:3]
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ (0.2126, 0.7152, 0.0722))
    return "black" if (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) else "white"
