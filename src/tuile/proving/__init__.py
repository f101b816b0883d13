"""Run an application's tests, or recorded requests, on Flask and on Tuile, and compare results and times.

Each framework has processes of its own. `sides` describes the two; `suites` runs tests, `replaying` replays requests;
`reports` writes what was found. Only the process that compares has Tuile beside Flask.
"""
