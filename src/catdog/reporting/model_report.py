"""`ModelReport`, what a report on a model and its data contains."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from catdog._utils.public import public
from catdog._utils.tables import escape
from catdog._utils.text import printable
from catdog.data.findings import relative_name
from catdog.evaluation.coverage import CoverageCurve
from catdog.evaluation.label_issues import LabelIssue, LabelIssues, is_confirmed
from catdog.evaluation.leak_report import LeakReport
from catdog.evaluation.near_duplicates import NearDuplicateReport
from catdog.evaluation.result import EvaluatedImage, Evaluation
from catdog.evaluation.show import remarks

MAX_PAIRS = 6  # of near duplicates
MAX_ISSUES = 12
MAX_CONFUSIONS = 10
MAX_WRONG = 200  # images in the list; the figure of all is given as well
FORMAT = "catdog report"
VERSION = 1


@public
@dataclass(frozen=True, eq=False, repr=False)
class ModelReport:
    """What a report on a model and its data contains.

    Made by [`write_report`][catdog.write_report]. Print it for the evaluation and what was left
    out; a notebook shows the same.

    Attributes:
        path: The HTML file.
        title: Its title.
        created: When it was written, in UTC and ISO 8601.
        data: Counts and findings of the images.
        model: What is known about the model.
        history: The values of each epoch by the name of the metric, `None` where one is not finite;
            `None` if no history was passed.
        kept_epoch: The epoch, from 1, whose weights the model has; `None` if it is not known, 0 if
            they are those from before.
        evaluation: The evaluation on the test set.
        coverage: Accuracy and coverage on the test set.
        leaks: Whether the accuracy depends on images like those of the training; `None` if the
            check was left out.
        near_duplicates: Pairs of near duplicates; `None` if the search was left out.
        label_issues: Images ranked by label issues; `None` if the search was left out.
        wrong: The test images that are classified wrongly, the largest loss first.
        wrong_validation: The same of the validation set, where there are no `label_issues`.
        left_out: For each part that was left out, the reason.
    """

    path: Path
    title: str
    created: str
    data: Mapping[str, Any]
    model: Mapping[str, Any]
    history: Mapping[str, tuple[float | None, ...]] | None
    kept_epoch: int | None
    evaluation: Evaluation
    coverage: CoverageCurve
    leaks: LeakReport | None
    near_duplicates: NearDuplicateReport | None
    label_issues: LabelIssues | None
    wrong: tuple[EvaluatedImage, ...]
    wrong_validation: tuple[EvaluatedImage, ...]
    left_out: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """The folder of the images, to which file names in the report are relative."""
        return Path(self.data["folder"])

    def to_dict(self) -> dict[str, Any]:
        """Return every figure of the report, ready for `json.dump`.

        The file contains the same, in the element with the identifier `report-data`. File names are
        relative to the folder of the images, whose own path is not in it.
        """
        return {
            "format": FORMAT,
            "version": VERSION,
            "title": self.title,
            "created": self.created,
            "data": {**self.data, "folder": self.folder.name},
            "model": dict(self.model),
            "history": self.history and {name: list(each) for name, each in self.history.items()},
            "n_epochs": self.history and max(map(len, self.history.values())),
            "kept_epoch": self.kept_epoch,
            "evaluation": self.evaluation.to_dict(),
            "n_right": int(self.evaluation.correct.sum()),
            "remarks": [*remarks(self.evaluation)],
            "confusions": self._confusions(),
            "coverage": self.coverage.to_dict(),
            "leaks": self.leaks and self.leaks.to_dict(),
            "near_duplicates": self.near_duplicates and _pairs(self.near_duplicates),
            "label_issues": self.label_issues and self._issues(self.label_issues),
            "n_wrong": len(self.wrong),
            "wrong": [self._wrong_image(image) for image in self.wrong[:MAX_WRONG]],
            "wrong_validation": [*map(self._wrong_image, self.wrong_validation[:MAX_ISSUES])],
            "left_out": dict(self.left_out),
        }

    def _confusions(self) -> list[dict[str, Any]]:
        """Return the most frequent confusions."""
        confused = self.evaluation.most_confused()[:MAX_CONFUSIONS]
        return [{"label": label, "predicted": other, "n": n} for label, other, n in confused]

    def _wrong_image(self, image: EvaluatedImage) -> dict[str, Any]:
        return {
            "file": relative_name(image.path, self.folder),
            "label": image.label,
            "predicted": image.predicted,
            "probability": image.probability,
            "loss": image.loss,
        }

    def _issues(self, issues: LabelIssues) -> dict[str, Any]:
        """Return the first label issues."""
        rows = [
            {**asdict(issue), "path": relative_name(issue.path, self.folder)}
            for issue in first_issues(issues)
        ]
        return {"n": len(issues.images), "images": rows}

    def __repr__(self) -> str:
        return f"<ModelReport: {printable(self.path)}>"

    def __str__(self) -> str:
        return "\n".join([f"report: {printable(self.path)}", str(self.evaluation), *self._notes()])

    def _repr_html_(self) -> str:
        """Return the evaluation and what was left out, for notebooks."""
        notes = [f"<p>{escape(note.strip())}</p>" for note in self._notes()]
        path = f"<p>Report: {escape(self.path)}</p>"
        return "\n".join([path, self.evaluation._repr_html_(), *notes])

    def _notes(self) -> list[str]:
        return [f"  left out: {part}. {reason}" for part, reason in self.left_out.items()]


def first_issues(issues: LabelIssues) -> Sequence[LabelIssue]:
    """Return the label issues that a report shows."""
    return [issue for issue in issues.images if not is_confirmed(issue)][:MAX_ISSUES]


def _pairs(report: NearDuplicateReport) -> dict[str, Any]:
    """Return the counts and the first pairs."""
    whole = report.to_dict()
    names = ("similarity", "n", "n_pairs", "n_in_two_classes", "n_in_two_splits")
    return {name: whole[name] for name in names} | {"pairs": whole["pairs"][:MAX_PAIRS]}
