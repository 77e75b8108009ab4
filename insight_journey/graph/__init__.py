"""The evidence graph: what a person's moments express, what they are about, and the words that prove it.

    model.py       kinds, labels and relationship types: one table
    client.py      the only place that speaks Bolt: transactions, retries, time-outs, errors
    schema.py      constraints and indexes
    projection.py  writes: one session's truth, all or nothing
    views.py       reads: mentions, drawings, summaries
    whole.py       all of one person: counts and the canonical export
    queries/       all Cypher, one file a subject

Knows `analysis.base` and root modules, nothing else of ours. `docs/graph.md` describes the model.
"""
