"""From stored events to answers about instance lifecycles: frames in, frames out.

No function here reads a clock or draws a random number of its own: `as_of` and generators are arguments.
Nobody in `sink` imports this package but the commands that need it; it wants the extra `notebooks`.

`frames.py` holds the columns of every frame. `loading.py` reads events; `lives.py`, `stays.py`, `sessions.py`
and `notices.py` turn them into what happened to each instance, and `queries/` lets SLS do so; `quality.py`
says how far to trust it. The other modules count, compare and draw.
"""
