"""`Datasets` in a notebook."""

import base64
import re
from io import BytesIO

from PIL import Image

from catdog import load_datasets
from tests.conftest import MakeFolder


def test_counts_and_examples(make_folder: MakeFolder) -> None:
    data = load_datasets(make_folder({"cat": 10, "<b>dog": 10}))
    html = data._repr_html_()
    assert "<td>&lt;b&gt;dog</td><td>6</td><td>2</td><td>2</td><td>10</td>" in html
    assert "<td>all</td><td>12</td><td>4</td><td>4</td><td>20</td>" in html
    assert "<b>" not in html
    contents = re.findall('src="data:image/jpeg;base64,([^"]+)"', html)
    assert len(contents) == 8
    assert all(Image.open(BytesIO(base64.b64decode(one))).height == 80 for one in contents)


def test_many_classes(make_folder: MakeFolder) -> None:
    data = load_datasets(make_folder({f"class {label}": 3 for label in range(8)}))
    html = data._repr_html_()
    assert html.count("<img") == 6
    assert html.endswith("<p>and 2 other classes</p>")


def test_files_that_were_removed_or_left_out(make_folder: MakeFolder) -> None:
    folder = make_folder(cat=6, dog=6)
    (folder / "cat" / "notes.txt").write_text("notes")
    data = load_datasets(folder)
    for path in data.paths("train"):
        path.unlink()
    html = data._repr_html_()
    assert "<img" not in html
    assert "<p>1 file of another kind, ignored: print(data.report)</p>" in html
