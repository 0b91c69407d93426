"""The prediction for one image."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catdog._utils.public import public
from catdog._utils.text import percent, printable
from catdog.typing import Floats

UNSURE = "unsure"


@public
@dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """The prediction for one image. Printed, it is one line of aligned columns.

    Attributes:
        label: Name of the most probable class; `None` if the model is unsure, or the image cannot
            be read.
        probability: The probability of the most probable class, from 0 to 1; NaN if the image
            cannot be read.
        probabilities: The probability of every class, `float64`, shape `(classes,)`, adding up to
            1; all NaN if the image cannot be read.
        path: The image file; `None` if the image came from elsewhere.
        class_names: Names of the classes, in the order of `probabilities`.
        error: Why the image cannot be read; `None` if it was.
    """

    label: str | None
    probability: float
    probabilities: Floats
    path: Path | None
    class_names: tuple[str, ...]
    error: str | None = None

    def __str__(self) -> str:
        names = [printable(name) for name in self.class_names]
        width = max(map(len, [*names, UNSURE]))
        if self.error is not None:
            return f"{'-':<{width}}  {'':>6}  {printable(self.error)}"
        label = UNSURE if self.label is None else printable(self.label)
        probability = percent(self.probability)
        path = "" if self.path is None else f"  {printable(self.path)}"
        likely = f"  ({names[int(self.probabilities.argmax())]}?)" if self.label is None else ""
        return f"{label:<{width}}  {probability:>6}{path}{likely}"

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary for `json.dump`; values that are not known are `None`."""
        is_read = self.error is None
        by_name = dict(zip(self.class_names, self.probabilities.tolist(), strict=True))
        return {
            "path": None if self.path is None else str(self.path),
            "label": self.label,
            "probability": self.probability if is_read else None,
            "probabilities": by_name if is_read else None,
            "error": self.error,
        }

    def __repr__(self) -> str:
        return f"<Prediction: {' '.join(str(self).split())}>"
