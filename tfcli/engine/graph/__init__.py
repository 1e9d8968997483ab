"""Graphs of ops: the representation, its verifier, and its execution."""
