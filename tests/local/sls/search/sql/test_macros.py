"""Functions and operators answer as Presto documents them, in SLS's time zone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Rows = Callable[..., list[dict[str, str]]]
Refusal = Callable[..., str]


def check(select: Rows, *pairs: tuple[str, str]) -> None:
    columns = ", ".join(f"{expression} as c{place}" for place, (expression, _) in enumerate(pairs))
    row = select(f"select {columns}")[0]
    assert dict(zip((expression for expression, _ in pairs), row.values(), strict=True)) == dict(pairs)


def test_numbers(select: Rows) -> None:
    """Integers divide to integers, towards zero; a remainder has the sign of the dividend."""
    check(
        select,
        ("7/2", "3"),
        ("-7/2", "-3"),
        ("7/2.0", "3.5"),
        ("1.0/3", "0.3333333333333333"),
        ("1e0/0", "Infinity"),
        ("-7 % 3", "-1"),
        ("7 % -3", "1"),
        ("mod(7, 3)", "1"),
        ("abs(-3)", "3"),
        ("round(2.5)", "3.0"),
        ("round(3.14159, 2)", "3.14"),
        ("floor(2.7)", "2.0"),
        ("ceil(2.1)", "3.0"),
        ("truncate(2.7)", "2.0"),
        ("power(2, 3)", "8.0"),
        ("sqrt(9)", "3.0"),
        ("ln(1)", "0.0"),
        ("log2(8)", "3.0"),
        ("log10(100)", "2.0"),
        ("pi()", "3.141592653589793"),
        ("e()", "2.718281828459045"),
        ("is_nan(nan())", "true"),
        ("is_finite(infinity())", "false"),
        ("to_base(255, 16)", "ff"),
        ("bitwise_and(6, 3)", "2"),
        ("bitwise_or(6, 3)", "7"),
        ("bitwise_xor(6, 3)", "5"),
    )


def test_null(select: Rows) -> None:
    """What is not there is shown as null, and most of what is made of it is null too."""
    check(
        select,
        ("null", "null"),
        ("concat('a', null)", "null"),
        ("'a' || null", "null"),
        ("greatest(1, null)", "null"),
        ("coalesce(null, 5)", "5"),
        ("nullif(1, 1)", "null"),
        ("1 is null", "false"),
        ("1 is distinct from null", "true"),
        ("null = null", "null"),
        ("split_part('a-b', '-', 5)", "null"),
        ("regexp_extract('abc', '[0-9]+')", "null"),
        ("element_at(array[1, 2], 5)", "null"),
        ("try(1/0)", "null"),
        ("try_cast('x' as bigint)", "null"),
    )


def test_casts(select: Rows) -> None:
    """Between text and the rest."""
    check(
        select,
        ("cast('12' as bigint)", "12"),
        ("cast(1 as double)", "1.0"),
        ("cast(1.5 as varchar)", "1.5"),
        ("cast(true as varchar)", "true"),
        ("cast('2020-01-01' as date)", "2020-01-01"),
        ("cast('2020-01-01 10:00:00' as timestamp)", "2020-01-01 10:00:00.000"),
        ("cast(from_unixtime(0) as varchar)", "1970-01-01 08:00:00.000"),
        ("typeof(cast(1 as bigint))", "bigint"),
    )


def test_texts(select: Rows) -> None:
    """Places count from one, in characters."""
    check(
        select,
        ("length('中文')", "2"),
        ("substr('hello', 2, 3)", "ell"),
        ("substr('hello', -2)", "lo"),
        ("strpos('hello', 'l')", "3"),
        ("split_part('a-b', '-', 2)", "b"),
        ("split('a,b', ',')", '["a","b"]'),
        ("split('a,b', ',')[1]", "a"),
        ("lpad('5', 3, '0')", "005"),
        ("reverse('abc')", "cba"),
        ("replace('aXb', 'X', '-')", "a-b"),
        ("codepoint('A')", "65"),
        ("levenshtein_distance('ab', 'ac')", "1"),
        ("regexp_like('abc', 'b')", "true"),
        ("regexp_extract('a1b2', '([a-z])([0-9])', 2)", "1"),
        ("regexp_extract_all('a1b2', '[0-9]')", '["1","2"]'),
        ("regexp_replace('a1b2', '[0-9]', '')", "ab"),
        ("regexp_replace('ab', '(a)(b)', '$2$1')", "ba"),
        ("to_hex(md5(to_utf8('a')))", "0CC175B9C0F1B6A831C399E269772661"),
        ("from_utf8(from_base64('YQ=='))", "a"),
    )


def test_urls(select: Rows) -> None:
    """Their parts, and their coding."""
    check(
        select,
        ("url_extract_protocol('https://x.com:80/p?q=1&r=a%20b#top')", "https"),
        ("url_extract_host('https://x.com:80/p?q=1&r=a%20b#top')", "x.com"),
        ("url_extract_path('https://x.com:80/p?q=1&r=a%20b#top')", "/p"),
        ("url_extract_query('https://x.com:80/p?q=1&r=a%20b#top')", "q=1&r=a%20b"),
        ("url_extract_fragment('https://x.com:80/p?q=1&r=a%20b#top')", "top"),
        ("url_extract_parameter('https://x.com:80/p?q=1&r=a%20b#top', 'r')", "a b"),
        ("url_decode('a%20b')", "a b"),
        ("url_encode('a b')", "a+b"),
    )


def test_json(select: Rows) -> None:
    """A scalar only from a leaf; null from what is no JSON."""
    check(
        select,
        ("""json_extract('{"a":{"b":1}}', '$.a')""", '{"b":1}'),
        ("""json_extract_scalar('{"a":{"b":1}}', '$.a.b')""", "1"),
        ("""json_extract_scalar('{"a":{"b":1}}', '$.a')""", "null"),
        ("""json_extract_scalar('{"x-y":3}', '$["x-y"]')""", "3"),
        ("""json_extract_scalar('{"a":[1,2]}', '$.a[1]')""", "2"),
        ("json_extract_scalar('{bad', '$.a')", "null"),
        ("json_extract('{bad', '$.a')", "null"),
        ("json_array_length('[1,2,3]')", "3"),
        ("json_array_get('[1,2]', 0)", "1"),
        ("json_array_contains('[1,2]', 2)", "true"),
        ("""json_size('{"a":{"b":1,"c":2}}', '$.a')""", "2"),
        ("""json_format(json_parse('{"a": 1}'))""", '{"a":1}'),
        ("""cast(json_extract('{"a":[1,2]}', '$.a') as array(bigint))""", "[1,2]"),
    )


def test_arrays_and_maps(select: Rows) -> None:
    """Shown as JSON; lambdas work on them."""
    check(
        select,
        ("array[1,2,3][1]", "1"),
        ("cardinality(array[1,2])", "2"),
        ("array_join(array['a','b'], ',')", "a,b"),
        ("array_distinct(array[3,1,3])", "[3,1]"),
        ("array_union(array[1,2], array[2,3])", "[1,2,3]"),
        ("array_except(array[1,2], array[2])", "[1]"),
        ("arrays_overlap(array[1,2], array[2])", "true"),
        ("slice(array[1,2,3], 2, 2)", "[2,3]"),
        ("sequence(1, 3)", "[1,2,3]"),
        ("contains(array[1,2], 2)", "true"),
        ("filter(array[1,2,3], x -> x > 1)", "[2,3]"),
        ("transform(array[1,2], x -> x * 2)", "[2,4]"),
        ("reduce(array[1,2,3], 0, (s, x) -> s + x, s -> s * 10)", "60"),
        ("any_match(array[1,2], x -> x = 2)", "true"),
        ("all_match(array[1,2], x -> x = 2)", "false"),
        ("none_match(array[1,2], x -> x = 3)", "true"),
        ("map(array['a','b'], array[1,2])", '{"a":1,"b":2}'),
        ("map(array['a'], array[1])['a']", "1"),
        ("map_keys(map(array['a'], array[1]))", '["a"]'),
        ("map_values(map(array['a'], array[1]))", "[1]"),
        ("cardinality(map(array['a'], array[1]))", "1"),
        ("split_to_map('a=1,b=2', ',', '=')", '{"a":"1","b":"2"}'),
        ("row(1, 'a')", '[1,"a"]'),
    )


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("1/0", "Division by zero"),
        ("7 % 0", "Division by zero"),
        ("cast('abc' as bigint)", "Can not cast 'abc' to BIGINT"),
    ],
)
def test_what_fails_in_presto_fails_here(refusal: Refusal, expression: str, message: str) -> None:
    """In the vendor's words."""
    assert refusal(f"* | select {expression}") == message


@pytest.mark.parametrize(
    "call",
    [
        "compare(1, 86400)",
        "ip_to_province('1.1.1.1')",
        "numeric_histogram(2, 1.0)",
        "nosuch(1)",
        "getenv('HOME')",
    ],
)
def test_what_is_not_served_is_named(refusal: Refusal, call: str) -> None:
    """400 ParameterInvalid that says which function is missing."""
    name = call.partition("(")[0]
    assert refusal(f"* | select {call}") == (
        f"Function {name} not registered; the embedded cloud does not serve it"
    )
