"""`python -m eddyline.demo_tui [FILE]`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
