"""Inputs that nobody would write: valid files with bytes changed, and structures with a wrong value."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

# What readers trip over: signs of the formats, ends of encodings, numbers beyond every type, deep nesting.
TOKENS = [
    b"", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b'"', b"'", b",", b"\t", b"\r", b"\n", b"[", b"]",
    b"{", b"}",
    b"=", b"#", b"\\", b'"""', b"1e999", b"-1", b"NaN", b"9" * 30, b"null", b"true", b"[" * 5000, b'{"a":' * 5000,
    b'"\\ud800"', b"2026-02-30", b"9999-12-31T23:59:60Z", "क्".encode(), "\u202e".encode(),
]  # fmt: skip

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@st.composite
def mutated(draw: st.DrawFn, valid: bytes, most: int = 6) -> bytes:
    """A valid file after up to `most` cuts, copies, and insertions of what its format means something by."""
    content = valid
    for _ in range(draw(st.integers(1, most))):
        start = draw(st.integers(0, len(content)))
        end = min(start + draw(st.sampled_from([0, 0, 1, 3, 40, 100_000])), len(content))
        inserted = draw(st.sampled_from(TOKENS) | st.binary(max_size=4) | st.just(content[start:end] * 2))
        content = content[:start] + inserted + content[end:]
    return content


@st.composite
def with_another_value(draw: st.DrawFn, content: Any) -> Any:
    """The same structure with one value, at any depth, replaced, removed or added."""
    if isinstance(content, dict) and content and draw(st.integers(0, 5)):
        key = draw(st.sampled_from(sorted(content)))
        changed = dict(content)
        if draw(st.integers(0, 7)):
            changed[key] = draw(with_another_value(content[key]))
        else:
            del changed[key]
        return changed
    if isinstance(content, list) and content and draw(st.integers(0, 5)):
        index = draw(st.integers(0, len(content) - 1))
        return [*content[:index], draw(with_another_value(content[index])), *content[index + 1 :]]
    return draw(JSON)
