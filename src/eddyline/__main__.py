"""`python -m eddyline`: the command line, as `eddyline` is."""

from eddyline.bindings.cli import main

main()
