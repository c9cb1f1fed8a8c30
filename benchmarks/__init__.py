"""How fast the sink is, beside others that do the same work. `make bench` runs it all."""
