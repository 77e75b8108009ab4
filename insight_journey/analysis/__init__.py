"""What was said becomes what was meant: moments, analyzers and the proof that every quote was really said.

`base` holds the contract and the table of analyzers, `moments` cuts a transcript, `evidence` checks quotes and roles,
`local` finds elements by lexicon and rules without any network, `openai` asks a model. Knows the types of
`transcription.base` and the root modules, nothing else.
"""
