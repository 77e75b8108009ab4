"""Real engines as child processes, for an installation that names none of its own: the graph (ArcadeDB over Bolt) and Redis.

What is where:

    endpoints.py   which loopback ports and passwords they have: engines.json
    files.py       private folders and files
    parent.py      a child dies with its parent
    arcadedb.py    the graph
    redis.py       Redis
"""
