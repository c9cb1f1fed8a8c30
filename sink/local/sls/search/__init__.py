"""Indexing, searching and analysing logs: the part of SLS behind CreateIndex, GetLogs and GetHistograms.

`engine.SearchEngine` is the door; `config.IndexConfig` what an index says; `queries` what is asked and
answered. `answering` takes a query through `syntax` (the grammar of the search part, which gives a `tree`),
`words` and `predicate` (to SQL), and `sql/` (Presto's dialect to DuckDB's); `tables` and `rows` keep the
logs.
"""
