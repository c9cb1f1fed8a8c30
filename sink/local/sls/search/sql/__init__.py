"""The SQL part of a query: Presto's dialect, answered by DuckDB."""
