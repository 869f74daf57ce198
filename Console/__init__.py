"""The door between a shell and the verbs; `Config` is its only visitor."""
