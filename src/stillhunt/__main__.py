"""Let ``python -m stillhunt`` do what ``stillhunt`` does."""

from stillhunt.cli import main

main()
