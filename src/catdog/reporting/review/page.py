"""The review page as HTML."""

from html import escape
from importlib.metadata import version
from pathlib import Path
from string import Template

from catdog._utils.text import printable
from catdog.reporting.review.subjects import Subjects

# The page loads its own images and nothing else; a browser runs only what has the nonce.
POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_FOLDER = Path(__file__).parent


def make_page(subjects: Subjects, nonce: str) -> str:
    """Return the page.

    Args:
        subjects: What it shows.
        nonce: The secret of this answer, which its script and its style have.
    """
    return Template(_read("page.html")).substitute(
        nonce=nonce,
        style=_read("page.css"),
        script=_read("page.js"),
        version=version("catdog"),
        title=escape(f"Review {printable(subjects.folder.name)}"),
    )


def _read(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")
