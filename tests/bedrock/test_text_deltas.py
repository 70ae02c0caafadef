"""Cutting text into deltas."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_frames.bedrock.text import cut, estimated_tokens

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
FLAGS = "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7"


def test_a_text_is_cut_as_a_model_cuts_it() -> None:
    assert cut("Hello! How can I help you today?") == [
        *("Hello", "!", " How", " can", " I", " help", " you", " today", "?")
    ]


def test_long_words_are_cut_too() -> None:
    assert cut("internationally") == ["intern", "ationa", "lly"]


def test_an_empty_text_has_no_pieces() -> None:
    assert cut("") == []
    assert cut("", 3) == []


@pytest.mark.parametrize(
    "whole",
    ["e\u0301", FAMILY, FLAGS[:2], "\u1112\u1161\u11ab", "\u0915\u094d\u0937\u093f", "\r\n"],
)
@pytest.mark.parametrize("size", [1, 2, 5, None])
def test_a_grapheme_stays_whole(whole: str, size: int | None) -> None:
    text = f"ab{whole}{whole}c {whole}"
    boundaries = set(accumulate(map(len, cut(text, size)), initial=0))
    inside = {
        start + offset
        for start in (2, 2 + len(whole), 4 + 2 * len(whole))
        for offset in range(1, len(whole))
    }

    assert not boundaries & inside


def test_chunk_size_counts_characters_as_people_do() -> None:
    assert cut(f"a{FAMILY}{FLAGS}bc", 2) == [f"a{FAMILY}", FLAGS, "bc"]
    assert cut("abcde", 2) == ["ab", "cd", "e"]


@given(st.text(), st.none() | st.integers(1, 40))
def test_pieces_join_to_the_text(text: str, size: int | None) -> None:
    pieces = cut(text, size)

    assert "".join(pieces) == text
    assert all(pieces)


@given(st.text(min_size=1))
def test_every_text_is_at_least_one_token(text: str) -> None:
    assert 1 <= estimated_tokens(text) <= len(text)
