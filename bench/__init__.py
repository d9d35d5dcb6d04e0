"""Measured comparisons: what the console does, each beside a peer that does the same, in one run.

    make bench              1,000,000 contacts
    make bench N=100000

A measure is a function marked with `@measure` in the file of its family; `python -m bench` walks
them. What it finds goes into `bench/results.json`; `python -m bench.table` draws that in README.
"""
