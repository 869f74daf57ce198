"""Places that no disk of this machine holds, as gs://BUCKET/runs.

TensorFlow reads and writes them (`tf.io.gfile`), and is imported once one is named.
Records are read in place.  A run is worked on where a disk is, and copied: what is read
is fetched first (`here`), what a training writes is sent after it as it grows
(`Mirror`), what another verb adds to a run is given back (`giving_back`).
"""

from Remote.copies import (  # noqa: F401
    check_writable,
    claim,
    copy_of,
    giving_back,
    here,
    place_of,
)
from Remote.mirror import Mirror  # noqa: F401
from Remote.paths import RemotePath, is_remote, path  # noqa: F401
from Remote.runs import find_run  # noqa: F401
