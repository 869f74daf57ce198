"""YouTube-8M: released features of millions of videos, seen and heard."""
