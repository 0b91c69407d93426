import catdog
from catdog.cli.main import main
from tests.cli.conftest import Capture, strict_json


def test_models_are_listed(capsys: Capture) -> None:
    assert main(["models"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["name", "pixels", "parameters", "trainable"]
    assert tuple(line.split()[0] for line in lines) == catdog.list_models()
    assert len({len(line) for line in lines if line.endswith("reported")}) == 1
    assert main(["models", "--json"]) == 0
    listed = strict_json(capsys.readouterr().out)
    assert tuple(each["name"] for each in listed) == catdog.list_models()
    pretrained = ["cnn.three_block", "cnn_preprocessed.three_block", "compact"]
    assert [each["name"] for each in listed if each["pretrained"]] == pretrained
    assert [line.split()[0] for line in lines if len(line) == len(head)] == pretrained
    linear = next(each for each in listed if each["name"] == "mobilenet_v2.linear")
    assert linear["num_trainable_params"] == 2562
    assert linear["measured"]["n"] == 1000
