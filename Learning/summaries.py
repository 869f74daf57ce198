"""Scalars to look at while a model trains."""

import tensorflow as tf


class Summaries:
    """Scalars for `tensorboard --logdir runs`.

    Everything waits in memory until `flush`, which the loop calls when it has saved
    its state: a run that crashed has no scalars of steps that it will take again.
    """

    def __init__(self, folder):
        """Begins an event file.

        Args:
          folder: Made if absent.
        """
        self._writer = tf.summary.create_file_writer(
            str(folder), max_queue=1 << 20, flush_millis=1 << 40
        )

    def scalars(self, step, **values):
        """Adds values of one step; None is left out."""
        with self._writer.as_default(step):
            for name, value in values.items():
                if value is not None:
                    tf.summary.scalar(name, value)

    def flush(self):
        """Writes what has been added."""
        self._writer.flush()
