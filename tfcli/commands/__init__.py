"""The command line: one command a file, each of which parses, calls one library function and prints.

Modules here import next to nothing, so that `tfcli --help` answers at once; what a command needs, its function imports.
"""
