"""`python -m catdog` does what `catdog` does."""

import sys

from catdog.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
