"""Sound of Pixels, home-made: solos of eight instruments, cut where they play."""
