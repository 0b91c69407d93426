"""Run the command line: `python -m catdog` is the same as `catdog`."""

import sys

from catdog.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
