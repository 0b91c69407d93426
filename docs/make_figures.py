"""Run the code of the documentation's pages; write its output and figures into them.

    python docs/make_figures.py [PAGE ...]

Without arguments, every page runs, which takes more than ten minutes.
The python blocks of the README and of each page run from top to bottom in one namespace, and so do
bash blocks of `catdog` commands whose output the page shows; blocks with a title (they need the
real images) are skipped. The output of a block is written to the text block that follows it, below
the line `<!-- output -->`; its figures to the images that follow it, `![](assets/name.png)`. So the
pages show the results of their own code, and nothing is copied by hand.
"""

import io
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import chdir, redirect_stdout
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

DOCS = Path(__file__).resolve().parent
PAGES = (DOCS.parent / "README.md", *sorted(DOCS.rglob("*.md")))
ASSETS = DOCS / "assets"
DPI = 110

BLOCK = re.compile(r"^```(python|bash)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OUTPUT = re.compile(r"(?<=^<!-- output -->\n\n```text\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
IMAGE = re.compile(r"!\[[^\]]*\]\([./]*assets/([^)/]+\.png)\)")


def blocks(markdown: str) -> Iterator[tuple[str, slice]]:
    """Yield the code of each block that runs, and where the text up to the next block is."""
    found = list(BLOCK.finditer(markdown))
    for block, following in zip_longest(found, found[1:]):
        language, title, code = block.groups()
        text = slice(block.end(), following.start() if following else len(markdown))
        if "title=" in title:
            continue
        if language == "python":
            yield code, text
        elif code.startswith("catdog ") and OUTPUT.search(markdown[text]):
            yield as_python(code), text


def with_output(markdown: str, output: str) -> str:
    """Return the text below a block with the output of the block."""
    return OUTPUT.sub(lambda _: output, markdown)


def as_python(commands: str) -> str:
    """Return Python code that runs commands of `catdog`, one on each line."""
    calls = [f"assert main({shlex.split(line)[1:]}) == 0" for line in commands.splitlines()]
    return "\n".join(["from catdog.cli.main import main", *calls])


def run_page(page: Path) -> None:
    """Run the blocks of a page, and write their outputs into it and their figures to its assets."""
    from matplotlib import pyplot as plt

    namespace: dict[str, Any] = {"__name__": page.stem}
    markdown, parts, end = page.read_text("utf-8"), [], 0
    for code, text in blocks(markdown):
        with redirect_stdout(io.StringIO()) as printed:
            exec(compile(code, page, "exec"), namespace)
        following = with_output(markdown[text], printed.getvalue())
        parts += [markdown[end : text.start], following]
        end = text.stop
        drawn = plt.get_fignums()
        if drawn:
            for number, name in zip(drawn, IMAGE.findall(following), strict=True):
                save_figure(number, ASSETS / name)
            plt.close("all")
    page.write_text("".join([*parts, markdown[end:]]), "utf-8")


def save_figure(number: int, path: Path) -> None:
    """Save an open figure as a small PNG: 256 colours are enough for the drawings."""
    from matplotlib import pyplot as plt

    buffer = io.BytesIO()
    plt.figure(number).savefig(buffer, format="png", dpi=DPI)
    Image.open(buffer).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
        path, optimize=True
    )


def main(pages: Sequence[Path]) -> None:
    """Run the pages."""
    import keras
    from matplotlib import pyplot as plt

    plt.switch_backend("Agg")
    keras.utils.disable_interactive_logging()  # the pages show no progress bars
    ASSETS.mkdir(exist_ok=True)
    with TemporaryDirectory() as scratch, chdir(scratch):  # the pages save files
        for page in pages:
            run_page(page)


if __name__ == "__main__":
    main([Path(page).resolve() for page in sys.argv[1:]] or PAGES)
