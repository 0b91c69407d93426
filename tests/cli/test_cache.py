from pathlib import Path

from catdog.cli.main import main
from catdog.data.pixel_cache import SUFFIX, PixelCache
from catdog.training.feature_cache import PROGRAM_SUFFIX
from catdog.training.feature_cache import SUFFIX as FEATURES_SUFFIX
from tests.cli.conftest import Capture, strict_json


def test_size_and_clear(capsys: Capture) -> None:
    """All that catdog caches is counted and deleted, and nothing else."""
    cache = Path("cache")
    cache.mkdir()
    (cache / f"{'a' * 64}{FEATURES_SUFFIX}").write_bytes(bytes(1000))
    (cache / f"{'b' * 64}{PROGRAM_SUFFIX}").write_bytes(bytes(500))
    pixels = PixelCache(cache, (4, 4)).path
    pixels.write_bytes(b"catdog decoded images, format 1\n" + bytes(468))
    (cache / f"photos{SUFFIX}").write_bytes(bytes(7))
    (cache / "mine.txt").write_bytes(bytes(5))
    assert main(["cache", "cache"]) == 0
    assert capsys.readouterr().out == "2.0 kB cached in cache\n"
    assert main(["cache", "cache", "--json"]) == 0
    expected = {"cache_dir": "cache", "bytes": 2000, "cleared": False}
    assert strict_json(capsys.readouterr().out) == expected
    assert main(["cache", "cache", "--clear"]) == 0
    assert capsys.readouterr().out == "2.0 kB deleted from cache\n"
    assert sorted(path.name for path in cache.iterdir()) == ["mine.txt", f"photos{SUFFIX}"]
    assert main(["cache", "cache", "--clear", "--json"]) == 0
    assert strict_json(capsys.readouterr().out) == {**expected, "bytes": 0, "cleared": True}


def test_a_folder_that_is_none(capsys: Capture) -> None:
    Path("file").touch()
    assert main(["cache", "cahce"]) == 2
    assert capsys.readouterr().err == "catdog: error: DIR='cahce' does not exist.\n"
    assert main(["cache", "file", "--clear"]) == 2
    assert capsys.readouterr().err.startswith("catdog: error: DIR must be a folder, but")
