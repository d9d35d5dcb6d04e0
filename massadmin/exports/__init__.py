"""Exports: records as rows of text, the parts of a file that chunks write, and the file itself."""
