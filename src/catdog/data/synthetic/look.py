"""The look of one face: all its random traits, drawn before the image is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from catdog.data.synthetic.pen import Colour, Points, even, mix

Kind: TypeAlias = Literal["cat", "dog"]

INK: Colour = (48, 38, 42)
PINK: Colour = (236, 152, 150)
# Colours of the coat, of its dark markings and of its light parts; the same for both classes.
COATS: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((230, 152, 78), (190, 106, 44), (252, 228, 194)),  # ginger
    ((148, 154, 166), (100, 106, 122), (222, 226, 232)),  # grey
    ((78, 75, 86), (48, 46, 56), (226, 222, 222)),  # black
    ((243, 238, 230), (206, 194, 180), (255, 253, 248)),  # white
    ((154, 108, 76), (106, 70, 48), (224, 190, 152)),  # brown
    ((236, 208, 166), (202, 162, 114), (254, 244, 224)),  # cream
    ((116, 84, 72), (76, 54, 48), (204, 164, 138)),  # chocolate
    ((222, 174, 98), (178, 124, 58), (250, 228, 182)),  # gold
    ((204, 162, 126), (96, 72, 64), (242, 220, 196)),  # fawn
    ((122, 136, 156), (82, 94, 114), (234, 236, 238)),  # blue
)
# Tints of the coat, and colours of collars, scarves and obstacles.
ACCENTS: tuple[Colour, ...] = (
    (206, 76, 72),  # red
    (64, 122, 176),  # blue
    (72, 148, 122),  # green
    (232, 170, 62),  # yellow
    (142, 94, 160),  # violet
    (236, 134, 110),  # salmon
)

# Probability of each choice, in the order of the names.
IRISES: tuple[Colour, ...] = (
    (150, 184, 84),  # green
    (228, 184, 68),  # yellow
    (210, 138, 56),  # amber
    (112, 178, 206),  # blue
    (146, 96, 58),  # hazel
    (112, 74, 52),  # brown
)
IRIS_ODDS: Mapping[Kind, tuple[float, ...]] = {
    "cat": (0.3, 0.25, 0.15, 0.15, 0.1, 0.05),
    "dog": (0.02, 0.08, 0.15, 0.1, 0.3, 0.35),
}
EARS = ("point", "prick", "fold", "flop")
EAR_ODDS: Mapping[Kind, tuple[float, ...]] = {
    "cat": (0.68, 0.18, 0.14, 0.0),
    "dog": (0.04, 0.18, 0.24, 0.54),
}
MARKINGS = ("tabby", "blaze", "patch", "mask", "spots", "plain")
MARKING_ODDS: Mapping[Kind, tuple[float, ...]] = {
    "cat": (0.32, 0.14, 0.17, 0.12, 0.06, 0.19),
    "dog": (0.06, 0.22, 0.24, 0.17, 0.1, 0.21),
}
MOODS = ("open", "happy", "sleepy", "wink")
MOOD_ODDS = (0.7, 0.13, 0.11, 0.06)

# Right half of the outline of a head, below the crown; each head is a mix of the two.
CAT_HEAD = np.array([(0.5, -0.7), (0.9, -0.3), (1.03, 0.2), (0.72, 0.64), (0.0, 0.82)])
DOG_HEAD = np.array([(0.48, -0.8), (0.78, -0.38), (0.82, 0.2), (0.6, 0.76), (0.0, 0.96)])


@dataclass(frozen=True)
class Look:
    """The traits of one face; lengths in face units."""

    cat: bool
    coat: Colour
    dark: Colour
    light: Colour
    iris: Colour
    nose: Colour
    ears: str
    marking: str
    mood: str
    head: Points
    turn: float  # sideways shift of the features, as if the head were turned

    @property
    def pricked(self) -> bool:
        """Whether the ears stand up; else they hang."""
        return self.ears in ("point", "prick")


def choose_look(kind: Kind, rng: np.random.Generator) -> Look:
    """Draw a random look for an animal."""
    cat = kind == "cat"
    coat, dark, light = COATS[rng.integers(len(COATS))]
    tint, tinge = ACCENTS[rng.integers(len(ACCENTS))], rng.uniform(0, 0.1)
    # Build from 0 (cat) to 1 (dog); the two ranges overlap.
    build = rng.uniform(0, 0.5) if cat else rng.uniform(0.4, 1)
    half = CAT_HEAD + (DOG_HEAD - CAT_HEAD) * build + rng.normal(0, 0.03, CAT_HEAD.shape) * (1, 0.5)
    half[-1, 0] = 0
    return Look(
        cat=cat,
        coat=mix(coat, tint, tinge),
        dark=mix(dark, tint, tinge),
        light=light,
        iris=IRISES[rng.choice(len(IRISES), p=IRIS_ODDS[kind])],
        nose=PINK if rng.random() < (0.55 if cat else 0.12) else INK,
        ears=EARS[rng.choice(len(EARS), p=EAR_ODDS[kind])],
        marking=MARKINGS[rng.choice(len(MARKINGS), p=MARKING_ODDS[kind])],
        mood=MOODS[rng.choice(len(MOODS), p=MOOD_ODDS)],
        head=even((0.0, -0.76 - 0.1 * build), *half.tolist()),
        turn=rng.uniform(-0.16, 0.16),
    )
