"""`python -m sink.local`: the embedded cloud as a process of its own.

No garbage is looked for until it is ready (`server.py`): a start leaves hardly any, and whoever started it
waits.
"""

import gc
import sys

if __name__ == "__main__":
    gc.disable()
    from sink.local.server import main

    sys.exit(main(sys.argv[1:]))
