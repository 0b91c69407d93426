"""Helpers that know nothing of images or models: checks, text, tables, files, downloads."""
