"""Searches over keys of a spec: studies of trials, each trial an ordinary run."""
