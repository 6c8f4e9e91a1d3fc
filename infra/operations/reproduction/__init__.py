"""Makes a past run again from its lineage, in a clean folder, and holds what came out against its record.

checkout.py      the sources of its commit, verified by digest
environment.py   a virtual environment of that commit's own lock
plan.py          which steps run again, which take what was recorded, which are left out
replay.py        runs them, with an executor and an artifact store that have seen nothing
comparison.py    artifact by artifact, and what differs file by file (differences.py)
"""
