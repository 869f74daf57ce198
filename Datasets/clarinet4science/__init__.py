"""C4S: clarinettists who each play the same pieces alone."""
