"""CloudMonitor's metrics, API Cms 2019-01-01: the one that shows an instance's connections fall."""
