"""``python -m vitruvian``: the command line."""

from vitruvian.cli import main

main()
