"""The options of the commands: one file for each command, and the options that several have.

Nothing heavy is imported, so that `--help` is fast.
"""
