"""A demo person's recording with its text, and a written session of hers. Synthetic: nobody ever said this.

`reflection.ogg` is made from `reflection.txt` by `scripts/make-sample`; `session.txt` is written by hand.
"""
