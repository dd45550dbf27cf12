"""The grammar of the corpus captions: names, colours, counts, sizes, places and styles, as closed lists.

No word is medical: `caption_words()` is the complete list of words that a caption can contain, so that a test can check
both.
"""

from __future__ import annotations

import numpy as np

COLOURS: dict[str, tuple[float, float, float]] = {
    "red": (0.80, 0.12, 0.12), "orange": (0.93, 0.52, 0.12), "yellow": (0.93, 0.83, 0.20),
    "green": (0.20, 0.58, 0.22), "blue": (0.16, 0.32, 0.76), "purple": (0.48, 0.22, 0.62),
    "pink": (0.93, 0.56, 0.68), "brown": (0.45, 0.28, 0.16), "white": (0.94, 0.94, 0.92),
    "grey": (0.52, 0.52, 0.53), "black": (0.07, 0.07, 0.08), "turquoise": (0.18, 0.68, 0.68),
    "beige": (0.84, 0.76, 0.62),
}  # fmt: skip
COUNTS = ("a", "two", "three", "four", "five", "six")
SIZES = {"small": 0.72, "": 1.0, "large": 1.32}
PLACES = {
    "": (0.0, 0.0), "on the left": (-0.42, 0.0), "on the right": (0.42, 0.0), "at the top": (0.0, -0.36),
    "at the bottom": (0.0, 0.36), "in the centre": (0.0, 0.0),
}  # fmt: skip
OBJECTS: dict[str, str] = {
    "ball": "balls", "apple": "apples", "pear": "pears", "cup": "cups", "bottle": "bottles", "flower": "flowers",
    "house": "houses", "tree": "trees", "car": "cars", "boat": "boats", "cat": "cats", "dog": "dogs",
    "fish": "fish", "bird": "birds", "person": "people", "star": "stars", "butterfly": "butterflies",
    "lamp": "lamps", "box": "boxes", "umbrella": "umbrellas", "chair": "chairs", "mushroom": "mushrooms",
    "plate": "plates", "ring": "rings", "leaf": "leaves", "clock": "clocks",
}  # fmt: skip
SURFACES = ("table", "wall", "carpet", "field", "beach", "wooden floor", "cloth")
MATERIALS = ("wood", "marble", "stone", "sand", "grass", "water", "clouds", "fur", "fabric", "bark", "rust", "snow",
             "smoke", "straw", "gravel", "lace", "wool", "fog")  # fmt: skip
PATTERNS = ("checkerboard", "stripes", "dots", "bricks", "tiles", "zebra stripes", "maze", "spots", "waves", "rings",
            "threads", "branches", "leaves", "blocks", "net")  # fmt: skip
STYLES: dict[str, str] = {
    "photo": "a photo of", "plain": "", "painting": "a painting of", "grey": "a black and white photo of",
    "pencil": "a pencil sketch of", "blurred": "a blurred photo of", "close": "a close up photo of",
}  # fmt: skip
TIMES = ("in the morning", "in the evening", "at night", "on a sunny day", "on a cloudy day", "in winter")
GLUE = (
    "and with of the number on under sky mountain mountains river road street sun moon over beach sea boat night "
    "city skyline windows sign texture pattern in surface background bright dark light forest a an at some behind"
)


def counted(name: str, count: int, adjectives: str) -> str:
    """`counted("ball", 2, "small red")` -> "two small red balls"; an article agrees with what follows it."""
    noun = name if count == 1 else OBJECTS[name]
    words = " ".join(part for part in (adjectives, noun) if part)
    if count == 1:
        return article(words)
    return f"{COUNTS[count - 1]} {words}"


def article(words: str) -> str:
    """`article("orange cup")` -> "an orange cup"."""
    return ("an " if words[0] in "aeiou" else "a ") + words


def styled(style: str, phrase: str) -> str:
    """The whole caption: the style's opening and the phrase."""
    return " ".join(part for part in (STYLES[style], phrase) if part)


def pick_colour(rng: np.random.Generator, avoid: str = "") -> str:
    """The name of a colour other than `avoid`."""
    names = [name for name in COLOURS if name != avoid]
    return names[int(rng.integers(len(names)))]


def tint(rng: np.random.Generator, name: str, spread: float = 0.05) -> np.ndarray:
    """A (3,) float32 variant in [0, 1] of a named colour."""
    value = np.asarray(COLOURS[name]) + rng.normal(0.0, spread, 3)
    return np.clip(value, 0.0, 1.0).astype(np.float32)


def caption_words() -> frozenset[str]:
    """Every word that a caption can contain; numbers are written in digits and are not listed."""
    lists = (COLOURS, COUNTS, SIZES, PLACES, OBJECTS, OBJECTS.values(), SURFACES, MATERIALS, PATTERNS,
             STYLES.values(), TIMES, (GLUE,))  # fmt: skip
    return frozenset(word for entries in lists for entry in entries for word in entry.split())
