"""The command line: one file for each command, the parser, and what the commands write."""
