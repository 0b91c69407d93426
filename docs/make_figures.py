"""Run the code of the documentation's pages; write its output and figures to `docs/assets/`.

    python docs/make_figures.py

Each page's python blocks run from top to bottom in one namespace, and so do bash blocks of `catdog`
commands whose output the page shows; blocks with a title (they need the real images) are skipped.
The output of a block is written to the snippet that follows the block, `--8<-- "name.txt"`; its
figures to the images that follow it, `![](assets/name.png)`. The output of the README's block is
written into the README itself. So the pages show the results of their own code, and nothing is
copied by hand.
"""

import io
import re
import shlex
from collections.abc import Iterator
from contextlib import chdir, redirect_stdout
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

DOCS = Path(__file__).resolve().parent
README = DOCS.parent / "README.md"
ASSETS = DOCS / "assets"
DPI = 110

BLOCK = re.compile(r"^```(python|bash)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SNIPPET = re.compile(r'^--8<-- "([^"/]+\.txt)"$', re.MULTILINE)
OUTPUT = re.compile(r"(?<=^```text\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
IMAGE = re.compile(r"!\[[^\]]*\]\([./]*assets/([^)/]+\.png)\)")


def blocks(markdown: str) -> Iterator[tuple[str, str]]:
    """Yield the code of each block that runs, with the text up to the next block of any kind."""
    found = list(BLOCK.finditer(markdown))
    for block, following in zip_longest(found, found[1:]):
        language, title, code = block.groups()
        text = markdown[block.end() : following and following.start()]
        if "title=" in title:
            continue
        if language == "python":
            yield code, text
        elif code.startswith("catdog ") and SNIPPET.search(text):
            yield as_python(code), text


def as_python(commands: str) -> str:
    """Return Python code that runs commands of `catdog`, one on each line."""
    calls = [f"assert main({shlex.split(line)[1:]}) == 0" for line in commands.splitlines()]
    return "\n".join(["from catdog.cli.main import main", *calls])


def run_page(page: Path) -> None:
    """Run the blocks of a page, and write their outputs and figures to its assets."""
    from matplotlib import pyplot as plt

    namespace: dict[str, Any] = {"__name__": page.stem}
    for code, text in blocks(page.read_text("utf-8")):
        with redirect_stdout(io.StringIO()) as printed:
            exec(compile(code, page, "exec"), namespace)
        for name in SNIPPET.findall(text):
            (ASSETS / name).write_text(printed.getvalue(), "utf-8")
        drawn = plt.get_fignums()
        if drawn:
            for number, name in zip(drawn, IMAGE.findall(text), strict=True):
                save_figure(number, ASSETS / name)
            plt.close("all")


def refresh_readme() -> None:
    """Run the one block of the README and write its output into the README."""
    text = README.read_text("utf-8")
    ((code, following),) = blocks(text)
    with redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, README, "exec"), {})
    updated = OUTPUT.sub(lambda _: printed.getvalue(), following, count=1)
    README.write_text(text.replace(following, updated), "utf-8")


def save_figure(number: int, path: Path) -> None:
    """Save an open figure as a small PNG: 256 colours are enough for the drawings."""
    from matplotlib import pyplot as plt

    buffer = io.BytesIO()
    plt.figure(number).savefig(buffer, format="png", dpi=DPI)
    Image.open(buffer).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
        path, optimize=True
    )


def main() -> None:
    """Run every page."""
    import keras
    from matplotlib import pyplot as plt

    plt.switch_backend("Agg")
    keras.utils.disable_interactive_logging()  # the pages show no progress bars
    ASSETS.mkdir(exist_ok=True)
    with TemporaryDirectory() as scratch, chdir(scratch):  # the pages save files
        for page in sorted(DOCS.rglob("*.md")):
            run_page(page)
        refresh_readme()


if __name__ == "__main__":
    main()
