"""`python -m sink` is `sink`."""

from sink.cli import main

main()
