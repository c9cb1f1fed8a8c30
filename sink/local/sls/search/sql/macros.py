"""Presto's functions where DuckDB has none of the name, or one that means something else.

`MACROS` defines them in the database, each under the prefix `presto_`, and `FUNCTIONS` says which Presto
name stands for which: `dialect.py` reads it while parsing, so a statement never needs a second pass for
them. A function that is neither here nor known to sqlglot is refused.

Times are plain TIMESTAMPs in the service's default zone, UTC+8, and never carry a zone: Presto's
`timestamp` of that time did not either, and the answers show local time.
"""

from __future__ import annotations

ZONE = "Asia/Shanghai"

FUNCTIONS = {
    "ARRAYS_OVERLAP": "list_has_any",
    "ARRAY_DISTINCT": "presto_array_distinct",
    "ARRAY_UNION": "presto_array_union",
    "CODEPOINT": "unicode",
    "CURRENT_TIMEZONE": "presto_current_timezone",
    "E": "presto_e",
    "EVERY": "bool_and",
    "FROM_ISO8601_TIMESTAMP": "presto_from_iso8601_timestamp",
    "FROM_UNIXTIME": "presto_from_unixtime",
    "GEOMETRIC_MEAN": "geometric_mean",
    "HAMMING_DISTANCE": "hamming",
    "HISTOGRAM": "histogram",
    "INFINITY": "presto_infinity",
    "IS_FINITE": "isfinite",
    "IS_INFINITE": "isinf",
    "JSON_ARRAY_CONTAINS": "presto_json_array_contains",
    "JSON_ARRAY_GET": "presto_json_array_get",
    "JSON_ARRAY_LENGTH": "presto_json_array_length",
    "JSON_SIZE": "presto_json_size",
    "MAP_AGG": "presto_map_agg",
    "MAP_CONCAT": "map_concat",
    "MAP_ENTRIES": "map_entries",
    "MAP_VALUES": "map_values",
    "NAN": "presto_nan",
    "REGEXP_EXTRACT": "presto_regexp_extract",
    "SLICE": "presto_slice",
    "SPLIT_PART": "presto_split_part",
    "SPLIT_TO_MAP": "presto_split_to_map",
    "TIME_SERIES": "presto_time_series",
    "TO_BASE": "presto_to_base",
    "TO_ISO8601": "presto_to_iso8601",
    "TO_UNIXTIME": "presto_to_unixtime",
    "TYPEOF": "presto_typeof",
    "URL_DECODE": "url_decode",
    "URL_ENCODE": "presto_url_encode",
    "URL_EXTRACT_FRAGMENT": "presto_url_extract_fragment",
    "URL_EXTRACT_HOST": "presto_url_extract_host",
    "URL_EXTRACT_PARAMETER": "presto_url_extract_parameter",
    "URL_EXTRACT_PATH": "presto_url_extract_path",
    "URL_EXTRACT_PROTOCOL": "presto_url_extract_protocol",
    "URL_EXTRACT_QUERY": "presto_url_extract_query",
    "ZIP": "list_zip",
}

MACROS = f"""
CREATE OR REPLACE MACRO presto_from_unixtime
    (x) AS make_timestamp(CAST(x * CAST(1000000 AS BIGINT) AS BIGINT)) + INTERVAL 8 HOUR,
    (x, zone) AS timezone(zone, timezone('UTC', make_timestamp(CAST(x * CAST(1000000 AS BIGINT) AS BIGINT))));
CREATE OR REPLACE MACRO presto_to_unixtime(x) AS epoch(x - INTERVAL 8 HOUR);
CREATE OR REPLACE MACRO presto_timestamp(x) AS CASE
    WHEN typeof(x) IN ('BIGINT', 'INTEGER', 'HUGEINT', 'DOUBLE')
    THEN presto_from_unixtime(CAST(CAST(x AS VARCHAR) AS DOUBLE))
    ELSE CAST(CAST(x AS VARCHAR) AS TIMESTAMP) END;
CREATE OR REPLACE MACRO presto_at_timezone(x, zone) AS timezone(zone, timezone('{ZONE}', x));
CREATE OR REPLACE MACRO presto_from_iso8601_timestamp(x) AS timezone('{ZONE}', CAST(x AS TIMESTAMPTZ));
CREATE OR REPLACE MACRO presto_to_iso8601(x) AS strftime(x, '%Y-%m-%dT%H:%M:%S.%g+08:00');
CREATE OR REPLACE MACRO presto_window_start(x, seconds) AS
    CAST(floor(epoch(x) / seconds) AS BIGINT) * seconds;
CREATE OR REPLACE MACRO presto_current_timezone() AS '{ZONE}';

CREATE OR REPLACE MACRO presto_json(x) AS CASE WHEN json_valid(x) THEN x END;
CREATE OR REPLACE MACRO presto_json_scalar(x, path) AS json_value(presto_json(x), path) ->> '$';
CREATE OR REPLACE MACRO presto_json_array_length(x) AS json_array_length(presto_json(x));
CREATE OR REPLACE MACRO presto_json_array_get(x, i) AS json_extract(presto_json(x), CAST(i AS BIGINT));
CREATE OR REPLACE MACRO presto_json_array_contains(x, value) AS
    list_contains(CAST(json_extract_string(presto_json(x), '$[*]') AS VARCHAR[]), CAST(value AS VARCHAR));
CREATE OR REPLACE MACRO presto_json_size(x, path) AS CASE json_type(presto_json(x), path)
    WHEN 'ARRAY' THEN json_array_length(presto_json(x), path)
    WHEN 'OBJECT' THEN len(json_keys(presto_json(x), path))
    ELSE 0 END;

CREATE OR REPLACE MACRO presto_regexp_extract
    (x, pattern) AS CASE WHEN regexp_matches(x, pattern) THEN regexp_extract(x, pattern) END,
    (x, pattern, part) AS CASE WHEN regexp_matches(x, pattern) THEN regexp_extract(x, pattern, part) END;
CREATE OR REPLACE MACRO presto_split_part(x, mark, i) AS
    CASE WHEN i <= len(string_split(x, mark)) THEN split_part(x, mark, i) END;
CREATE OR REPLACE MACRO presto_split_to_map(x, entries, pair) AS map_from_entries(list_transform(
    string_split(x, entries), lambda e: {{'k': split_part(e, pair, 1), 'v': split_part(e, pair, 2)}}));
CREATE OR REPLACE MACRO presto_to_base(x, radix) AS lower(to_base(x, radix));
CREATE OR REPLACE MACRO presto_url_encode(x) AS replace(url_encode(x), '%20', '+');
CREATE OR REPLACE MACRO presto_url_part(x, part) AS
    regexp_extract(x, '^([^:/?#]+)://([^/:?#]*)(?::[0-9]+)?([^?#]*)(?:[?]([^#]*))?(?:#(.*))?$', part);
CREATE OR REPLACE MACRO presto_url_extract_protocol(x) AS presto_url_part(x, 1);
CREATE OR REPLACE MACRO presto_url_extract_host(x) AS presto_url_part(x, 2);
CREATE OR REPLACE MACRO presto_url_extract_path(x) AS presto_url_part(x, 3);
CREATE OR REPLACE MACRO presto_url_extract_query(x) AS presto_url_part(x, 4);
CREATE OR REPLACE MACRO presto_url_extract_fragment(x) AS presto_url_part(x, 5);
CREATE OR REPLACE MACRO presto_url_extract_parameter(x, name) AS url_decode(presto_regexp_extract(
    presto_url_part(x, 4), '(?:^|&)' || regexp_escape(name) || '=([^&]*)', 1));

CREATE OR REPLACE MACRO presto_array_distinct(x) AS
    list_filter(x, lambda e, i: list_position(x, e) = i);
CREATE OR REPLACE MACRO presto_array_union(x, y) AS presto_array_distinct(list_concat(x, y));
CREATE OR REPLACE MACRO presto_slice(x, first, length) AS x[first : first + length - 1];
CREATE OR REPLACE MACRO presto_map_agg(k, v) AS map_from_entries(list_filter(
    list({{'k': k, 'v': v}}), lambda e, i: e.k IS NOT NULL AND list_position(list(k), e.k) = i));
CREATE OR REPLACE MACRO presto_e() AS exp(1);
CREATE OR REPLACE MACRO presto_nan() AS CAST('nan' AS DOUBLE);
CREATE OR REPLACE MACRO presto_infinity() AS CAST('infinity' AS DOUBLE);
CREATE OR REPLACE MACRO presto_typeof(x) AS lower(typeof(x));
"""
