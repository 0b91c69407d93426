"""The command line: one file for each command, the parser, the output and its wording."""
