"""Insight Journey: what a person says and writes becomes one evidence graph of what moves her.

The map. Packages are domains; root modules are what all of them stand on.

    api/             HTTP and the sockets' door: schemas, then routes, one file a resource
    cli/             the `insight-journey` command, one group a file; `up` and what it supervises
    sessions/        journeys, sessions, media, runs; `pipeline.py` is the main flow on one screen
    accounts/        accounts, users, passwords, tokens, the key store
    transcription/   media and texts to a transcript; engines in the table of `base.py`
    analysis/        a transcript to moments and what they show; engines in the table of `base.py`
    search/          what is kept to search a person's words by meaning and by words; the process that does it
    graph/           writes and reads of the evidence graph; all Cypher in `queries/`
    embedded/        starts a real graph and a real Redis for who names none
    migrations/      of the main database
    taxonomies/, weights/, samples/, static/    data

    app              create_app: the whole wiring, one screen
    settings         every IJ_* variable, once; the only reader of the environment
    errors           everything that can go wrong, as one tree
    extensions       db, socketio: unbound
    events           facts and progress; the only caller of Socket.IO's emit
    tasks            queues and jobs: ids only, after the commit
    stopping         the polite end of a worker at work
    storage, crypto  sealed files; keys and seals
    help_lines       lines for people in crisis, by country
    taxonomy         emotions, topics and beliefs, versioned: analysis finds codes, graph names them
    encoder          texts to vectors, by a small model that is shipped
    llm, openai_api  one question to a language model; the API it is asked over
    database, models migrations run; all tables imported
    logs             JSON lines with nothing personal

Who may import whom, held by `tests/test_architecture.py`:

    api, cli -> sessions -> accounts, transcription, analysis, graph, search -> root modules

`graph` knows `analysis.base` and `analysis` knows `transcription.base`, types both. Nothing imports `api` or `cli`, and of the
root modules only `app` and `models` import packages. Engines are named by dotted path in literal tables and imported
when chosen. The long version, with the reasons: docs/architecture.md.
"""

__version__ = "0.1.0"
__all__ = ["__version__"]
