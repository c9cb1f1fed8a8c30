"""The SQL part of a query: Presto's dialect, answered by DuckDB.

`analysis.Analysis` is the door. A statement is read by `dialect` and refused by `statement` if it reaches
too far; `rewrite`, `moments` and `time_series` make it DuckDB's, with what `kinds` knows and `macros` adds;
`render` writes the answer as the service does, and `faults` what went wrong.
"""
