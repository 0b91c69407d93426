"""Accuracy on some of the evaluated images."""

from dataclasses import dataclass

from catdog.evaluation import metrics


@dataclass(frozen=True, slots=True)
class PartAccuracy:
    """Accuracy on some of the images.

    Attributes:
        n: Number of images.
        n_right: How many of them are right.
    """

    n: int
    n_right: int

    @property
    def accuracy(self) -> float:
        """Share of the images that are right, from 0 to 1."""
        return self.n_right / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of the accuracy (Wilson score)."""
        return metrics.wilson_interval(self.n_right, self.n)
