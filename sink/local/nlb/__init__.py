"""NLB, API 2022-04-30: the server groups of `sink/local/alb/` under NLB's own names and codes."""
