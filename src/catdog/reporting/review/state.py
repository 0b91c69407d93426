"""What the review page is told, as JSON."""

from typing import Any

from catdog._utils.text import printable
from catdog.reporting.review.corrections_file import CorrectionsFile
from catdog.reporting.review.subjects import SECTIONS, Subjects


def state_json(subjects: Subjects, file: CorrectionsFile) -> dict[str, Any]:
    """Return all that the page shows; images are told by their names, never by their paths."""
    return {
        "classNames": subjects.class_names,
        "file": printable(file.path.name),
        "sections": SECTIONS,
        "leftOff": subjects.left_off,
        "images": [
            {
                "name": image.name,
                "label": image.label,
                "split": image.split,
                "readable": image.sha256 is not None,
            }
            for image in subjects.images
        ],
        "items": [
            {
                "section": item.section,
                "images": item.images,
                "reason": item.reason,
                "suggested": item.suggested,
            }
            for item in subjects.items
        ],
        **decisions_json(subjects, file),
    }


def decisions_json(subjects: Subjects, file: CorrectionsFile) -> dict[str, Any]:
    """Return the decision about each image, `None` without one, and whether one can be undone."""
    decisions = file.decisions
    return {
        "decisions": [
            {"label": decisions[image.sha256]}
            if image.sha256 and image.sha256 in decisions
            else None
            for image in subjects.images
        ],
        "canUndo": file.can_undo,
    }
