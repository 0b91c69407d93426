import catdog
from catdog.cli.main import main
from tests.cli.conftest import Capture, strict_json

PRETRAINED = ["cnn.three_block", "cnn_preprocessed.three_block", "compact"]


def test_models_are_listed(capsys: Capture) -> None:
    assert main(["models"]) == 0
    sizes, accuracies, notes = capsys.readouterr().out.split("\n\n")
    head, *lines = sizes.splitlines()
    assert head.split() == ["name", "pixels", "parameters", "trainable"]
    assert tuple(line.split()[0] for line in lines) == catdog.list_models()
    head, *lines = accuracies.splitlines()
    assert head.split()[-5:] == ["reported", "measured", "bundled", "weights", "baseline"]
    assert len({len(line) for line in lines}) == 1
    assert "reported: by the blog post" in notes
    assert "measured: by catdog" in notes


def test_reported_and_measured_accuracy_are_shown_apart(capsys: Capture) -> None:
    """Each with its interval and number of images, beside the baseline."""
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.split("\n\n")[1].splitlines()
    cells = {line.split()[0]: line for line in lines}
    assert cells["cnn_augmented.three_block"].split(maxsplit=1)[1].split("  ")[0] == (
        "62.4% (59.0 to 65.7) n=808"
    )
    assert "50.0% (46.5 to 53.5) n=800" in cells["cnn_augmented.three_block"]
    assert "99.5% (97.2 to 99.9) n=200" in cells["mobilenet_v2.linear"]
    assert cells["compact"].count("97.7% (96.6 to 98.5) n=1000") == 1  # as bundled weights
    assert all(line.endswith("50.0%") for line in lines[1:])
    assert [name for name, line in cells.items() if "n=1000" in line] == PRETRAINED
    assert "transfer" not in cells  # nothing is known


def test_json_has_intervals_and_numbers_of_images(capsys: Capture) -> None:
    assert main(["models", "--json"]) == 0
    listed = strict_json(capsys.readouterr().out)
    assert tuple(each["name"] for each in listed) == catdog.list_models()
    assert [each["name"] for each in listed if each["pretrained"]] == PRETRAINED
    models = {each["name"]: each for each in listed}
    assert models["mobilenet_v2.linear"]["num_trainable_params"] == 2562
    assert models["mobilenet_v2.linear"]["measured"]["n"] == 200
    both = models["mobilenet_v2.both_flips"]
    low, high = both["reported"]["interval"]
    assert low < both["reported"]["final_validation"] < high
    assert (both["reported"]["n"], both["reported"]["test_n"]) == (808, 192)
    assert [round(end, 3) for end in both["reported"]["test_interval"]] == [0.948, 0.992]
    assert models["cnn.two_block"]["reported"]["test_interval"] is None
    assert (both["measured"]["n"], both["measured"]["baseline"]) == (800, 0.5)
    assert models["transfer"]["measured"] is models["transfer"]["reported"] is None
