import re
import shlex

import pytest

from catdog.cli.main import main
from tests.cli.conftest import PAGE, Capture


def test_page_shows_the_table_of_models(capsys: Capture) -> None:
    assert main(["models"]) == 0
    shown = re.search(
        r"catdog models\n```.*?```text\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S
    )
    assert shown is not None
    assert capsys.readouterr().out == shown[1]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:compact was trained on")
def test_code_of_the_page_runs() -> None:
    block = re.compile(r"^```(python|bash)\n(.*?)^```", re.MULTILINE | re.DOTALL)
    commands = 0
    names: dict[str, object] = {}
    for language, code in block.findall(PAGE.read_text("utf-8")):
        if language == "python":
            exec(compile(code, PAGE, "exec"), names)
            continue
        for line in code.splitlines():
            program, *arguments = shlex.split(line)
            assert program == "catdog"
            assert main(arguments) == 0
            commands += 1
    assert commands >= 5
