"""MUSDB18-HQ: the songs of MUSDB18 as they were before they were compressed."""
