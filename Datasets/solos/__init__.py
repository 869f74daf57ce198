"""Solos: solos of URMP's 13 instruments, as lists of YouTube ids, with skeletons."""
