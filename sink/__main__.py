"""`python -m sink` is `sink`."""

from sink.cli import main

if __name__ == "__main__":
    main()
