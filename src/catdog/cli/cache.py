"""`catdog cache`: print the size of a cache folder, or clear it."""

from argparse import Namespace

from rich.filesize import decimal

from catdog._utils import checks
from catdog._utils.errors import MissingFileError
from catdog._utils.text import printable
from catdog.cli.output import out, out_json
from catdog.cli.wording import renamed
from catdog.training.feature_cache import clear_feature_cache, feature_cache_size


def run(options: Namespace) -> int:
    """Write the size, or how much was deleted."""
    with renamed("cache_dir", "DIR"):
        _check_exists(options.cache_dir)
        act = clear_feature_cache if options.clear else feature_cache_size
        size = act(options.cache_dir)
    if options.json:
        out_json({"cache_dir": options.cache_dir, "bytes": size, "cleared": options.clear})
    else:
        done = "deleted from" if options.clear else "cached in"
        out(f"{decimal(size)} {done} {printable(options.cache_dir)}")
    return 0


def _check_exists(cache_dir: str) -> None:
    """Raise if there is no such folder: its name may be misspelled."""
    if not checks.expand_home(cache_dir).exists():
        raise MissingFileError("does not exist", argument="cache_dir", value=cache_dir)
