"""MUSDB18: 150 songs as drums, bass, other and vocals, in stem files."""
