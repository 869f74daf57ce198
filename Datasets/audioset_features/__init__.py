"""AudioSet's released VGGish features: ten frames of 128 numbers a clip."""
