"""Citations in Anthropic's own form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from bedrock_frames.bedrock.content import JsonObject

_RANGES: Final = {
    "documentChar": ("char_location", "start_char_index", "end_char_index"),
    "documentPage": ("page_location", "start_page_number", "end_page_number"),
    "documentChunk": ("content_block_location", "start_block_index", "end_block_index"),
}


def native_citation(citation: JsonObject) -> JsonObject:
    """Turn a citation of Converse into one of Anthropic Messages."""
    parts = cast("list[dict[str, str]]", citation.get("sourceContent") or [])
    cited = "".join(part.get("text", "") for part in parts)
    location = cast("dict[str, dict[str, object]]", citation.get("location") or {})
    for kind, where in location.items():
        if kind in _RANGES:
            name, start, end = _RANGES[kind]
            return {
                "type": name,
                "cited_text": cited,
                "document_index": where.get("documentIndex", 0),
                "document_title": citation.get("title"),
                start: where.get("start", 0),
                end: where.get("end", 0),
            }
        if kind == "searchResultLocation":
            return {
                "type": "search_result_location",
                "cited_text": cited,
                "search_result_index": where.get("searchResultIndex", 0),
                "source": citation.get("source"),
                "title": citation.get("title"),
                "start_block_index": where.get("start", 0),
                "end_block_index": where.get("end", 0),
            }
    return {
        "type": "web_search_result_location",
        "cited_text": cited,
        "url": location.get("web", {}).get("url"),
        "title": citation.get("title"),
    }
