"""`python -m sink.local`: the embedded cloud as a process of its own."""

import sys

from sink.local.server import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
