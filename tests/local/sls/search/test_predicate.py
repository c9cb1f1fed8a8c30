"""What a search finds: words by the delimiters of the index, numbers by their ranges, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from sink.local.sls.logs import StoredLog
from tests.local.sls.search.conftest import log, text

Found = Callable[..., list[int]]
Refusal = Callable[..., str]


def test_a_word_is_a_whole_word_between_delimiters(found: Found) -> None:
    """Not a part of one; the ends of a value delimit too."""
    logs = [
        log(name="Instance:StateChange"),
        log(name="Instance"),
        log(name="Instances"),
        log(name="x/Instance y"),
    ]
    assert found("name:Instance", *logs) == [0, 1, 3]


def test_case_is_the_keys_own(found: Found) -> None:
    """`caseSensitive` false for name, true for path."""
    logs = [log(name="RUNNING", path="/Home")]
    assert [found(q, *logs) for q in ("name:running", "path:Home", "path:home")] == [[0], [0], []]


def test_a_key_without_delimiters_is_one_word(found: Found) -> None:
    """An empty token list keeps the value whole."""
    logs = [log(whole="Instance:StateChange")]
    assert [found(q, *logs) for q in ("whole:Instance", 'whole:"Instance:StateChange"')] == [[], [0]]


def test_a_term_is_cut_like_the_value(found: Found) -> None:
    """`/url/pic` in a key with `/` asks for url and pic [doc Query logs]."""
    logs = [log(path="/pic/url/abc.gif"), log(path="/url"), log(path="url-pic")]
    assert found("path:/url/pic", *logs) == [0]


def test_quoted_words_are_found_in_any_order(found: Found) -> None:
    """`key:"Linux Chrome"` equals `key:Linux and key:Chrome` [doc Search syntax]."""
    logs = [log(name="Chrome on Linux"), log(name="Linux"), log(name="Linux Chrome")]
    assert found('name:"Linux Chrome"', *logs) == [0, 2]


def test_a_phrase_is_found_in_its_order_side_by_side(found: Found) -> None:
    """`#"…"` matches the sequence of words, whatever delimits them [doc Phrase search]."""
    logs = [
        log(name="Linux Chrome"),
        log(name="Chrome Linux"),
        log(name="Linux, on Chrome"),
        log(name="[linux]: chrome!"),
    ]
    assert found('name:#"Linux Chrome"', *logs) == [0]
    assert found('name:#"[Linux,Chrome]"', *logs) == [0]


def test_an_event_name_in_quotes_finds_its_events(found: Found) -> None:
    """The daily search."""
    logs = [
        log(name="Instance:StateChange"),
        log(name="Disk:Stalled"),
        log(name="Instance:SystemFailure.Reboot"),
    ]
    assert found('name:"Instance:StateChange"', *logs) == [0]


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("name:Inst*", [0]),
        ("name:I*ce", [0]),
        ("name:D?sk", [1]),
        ("name:D?k", []),
        ("name:Change*", []),
        ("St*", [0, 1]),
    ],
)
def test_wildcards_stand_inside_or_behind_a_word(found: Found, query: str, places: list[int]) -> None:
    """A star is any number of characters of one word, a question mark is one, where it is no delimiter."""
    logs = [log(name="Instance:StateChange"), log(name="Disk:Stalled")]
    index = {"line": {"token": [":"]}, "keys": {"name": text(token=[":"])}}
    assert found(query, *logs, index=index) == places


def test_a_question_mark_that_delimits_is_no_wildcard(found: Found) -> None:
    """The usual delimiters contain it."""
    logs = [log(name="Dusk"), log(name="sk D")]
    assert found("name:D?sk", *logs) == [1]


@pytest.mark.parametrize("query", ["*hai", "name:*hai", "?x", "name:a/*b"])
def test_a_word_does_not_begin_with_a_wildcard(refusal: Refusal, query: str) -> None:
    """The vendor's text."""
    assert refusal(query, index={"line": {"token": ["/"]}, "keys": {"name": text(token=["/"])}}) == (
        "only support * or ? in the middle or end of the query"
    )


def test_a_quoted_wildcard_is_a_character(found: Found) -> None:
    """`region:"cn*"` finds what contains cn* [doc Search syntax]."""
    logs = [log(name="cn*"), log(name="cnx")]
    assert found('name:"cn*"', *logs) == [0]


def test_full_text_finds_values_and_names_of_all_fields(found: Found) -> None:
    """Keywords can be field names or field values [doc Search syntax]; tags are fields."""
    logs = [
        log(anything="some Words here"),
        log(words="x"),
        StoredLog(100, (("a", "b"),), tags=(("host", "words"),)),
        log(a="b"),
    ]
    assert found("words", *logs) == [0, 1, 2]


def test_a_phrase_does_not_span_fields(found: Found) -> None:
    """Nor does a word."""
    logs = [log(a="one", b="two"), log(a="one two")]
    assert found('#"one two"', *logs) == [1]


def test_control_characters_of_a_value_are_kept_and_found(found: Found) -> None:
    """Even those that separate fields inside the store."""
    logs = [log(name="a\x1eb\x1fc\x1dd"), log(name="a")]
    assert found('name:"a\x1eb\x1fc\x1dd"', *logs) == [0]


def test_chinese_is_cut_into_characters_where_the_index_says_so(found: Found) -> None:
    """`chn` true for note, false for name, where a run of Chinese is one word [doc Query logs]."""
    logs = [log(note="用户小李飞刀lee", name="用户小李飞刀lee")]
    queries = ("note:飞刀", "note:lee", "note:刀飞", 'note:#"刀飞"', "name:飞刀", "name:用户小李飞刀lee")
    assert [found(query, *logs) for query in queries] == [[0], [0], [0], [], [], [0]]


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("count>2", [3]),
        ("count>=2", [2, 3]),
        ("count<2", [1]),
        ("count<=2", [1, 2]),
        ("count=2", [2]),
        ("count:2", [2]),
        ("count in [2 3)", [2]),
        ("count in (1 3]", [2, 3]),
        ("count in (* 2)", [1]),
        ("count in [2 *)", [2, 3]),
        ("not count>1", [0, 1, 4]),
        ("count:*", [1, 2, 3]),
        ("not count:*", [0, 4]),
        ("cost in [1.2 1.6]", [2]),
    ],
)
def test_numbers_are_found_by_range(found: Found, query: str, places: list[int]) -> None:
    """A value that is no number is not there [doc Data types]."""
    logs = [
        log(count="many"),
        log(count="1"),
        log(count="2", cost="1.5"),
        log(count="3", cost="2"),
        log(count="2.5"),
    ]
    assert found(query, *logs) == places


def test_long_numbers_are_exact(found: Found) -> None:
    """Account ids have sixteen digits, of which a double holds not all."""
    logs = [log(count="9007199254740993"), log(count="9007199254740992")]
    assert found("count=9007199254740993", *logs) == [0]


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("name:*", [0, 1]),
        ('name:""', [1]),
        ("not name:*", [2]),
        ('not name:""', [0, 2]),
        ("not name:a", [1, 2]),
    ],
)
def test_presence_and_emptiness_differ(found: Found, query: str, places: list[int]) -> None:
    """`key:*` is there, `key:""` is empty, and not finds what has no such field [doc Search syntax]."""
    assert found(query, log(name="a"), log(name=""), log(path="a")) == places


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("content.state:running", [0]),
        ("content.disk.size>10", [1]),
        ("disk_size>10", [1]),
        ("content.reason:gone", [1]),
        ("content.a.b:deep", [0]),
        ("content.state:*", [0]),
        ("not content.state:*", [1, 2, 3]),
        ("content:gone", [1, 2]),
    ],
)
def test_leaves_of_json_are_fields(found: Found, query: str, places: list[int]) -> None:
    """By their path, in the type of the index; what is no JSON has no leaves, and words all the same."""
    logs = [
        log(content='{"state": "Running", "a": {"b": "deep"}}'),
        log(content='{"disk": {"size": 40}, "reason": "gone"}'),
        log(content="{gone"),
        log(content='{"state": {"nested": 1}, "disk": {"size": "big"}}'),
    ]
    assert found(query, *logs) == places


@pytest.mark.parametrize("name", ['a"b', "a/b", "a~b", "a'b", "a$b"])
def test_a_leaf_may_have_any_name(found: Found, name: str) -> None:
    """It is no path of another language."""
    quoted = name.replace('"', '\\"')
    assert found(f'"content.{quoted}":yes', log(content=json.dumps({name: "yes"})), log(content="{}")) == [0]


def test_a_topic_is_found_exactly(found: Found) -> None:
    """Whole and with its case; also as a parameter of its own, see test_engine."""
    logs = [StoredLog(100, (("a", "b"),), topic=topic) for topic in ("event", "Event", "event log")]
    assert [found(q, *logs) for q in ("__topic__:event", "__topic__:ev*", '__topic__:"event log"')] == [
        [0],
        [0, 2],
        [2],
    ]


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("__tag__:host:web", [0]),
        ("__tag__:host:*", [0, 1]),
        ('__tag__:host:"web 1"', []),
        ("not __tag__:host:*", [2]),
    ],
)
def test_tags_are_found_without_an_index_of_their_own(found: Found, query: str, places: list[int]) -> None:
    """`__tag__:key:value` [doc Search syntax]."""
    logs = [
        StoredLog(100, (), tags=(("host", "web-0/web"),)),
        StoredLog(100, (), tags=(("host", ""),)),
        log(host="web"),
    ]
    assert found(query, *logs) == places


def test_an_alias_finds_its_key(found: Found) -> None:
    """`alias` of the index."""
    assert found("event_name:stalled", log(name="Disk:Stalled")) == [0]


def test_a_field_without_an_index_is_refused_with_what_to_do(refusal: Refusal) -> None:
    """The vendor's text, then which key to add."""
    message = refusal("region:cn-hangzhou")
    assert message.startswith("key (region) is not config as key value config,if symbol : is in your log,")
    assert "add region to the keys of the index" in message


def test_a_range_of_a_text_is_refused(refusal: Refusal) -> None:
    """The vendor's text, spelling and all."""
    assert refusal("name>1").startswith("key (name) is not config as numberic column")


@pytest.mark.parametrize("query", ["count:1*", "count:many"])
def test_a_number_takes_no_words_or_wildcards(refusal: Refusal, query: str) -> None:
    """Long and double have no fuzzy search [doc Search syntax]."""
    assert "it takes a number or a range" in refusal(query)


def test_full_text_without_its_index_is_refused(refusal: Refusal) -> None:
    """Where only fields are indexed, a bare word says so and shows the way."""
    message = refusal("stalled", index={"keys": {"name": text()}})
    assert message.startswith("no full text index to search for 'stalled' in")
