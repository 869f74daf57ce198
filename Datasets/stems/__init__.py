"""Stems: any folder of recordings, and what to call the files."""
