"""Search over one's own words, by meaning and by words. What it knows of sessions it is handed: docs/search.md."""
