"""MUSIC: solos and duets of 11 or 21 instruments, as lists of YouTube ids."""
