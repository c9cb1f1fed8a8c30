"""SLS's operations as they come over HTTP: one module per group of the vendor's API reference."""
