"""What a run leaves in its folder as it goes."""

import contextlib
import tempfile

import Utils
from Learning.folder import RunFolder
from Schema import InputError


def is_kept_here():
    """Whether this process keeps the run's folder: alone, or the chief of several."""
    return not (Utils.place() or Utils.Place()).index


@contextlib.contextmanager
def home(folder):
    """Yields the folder of the run, or, where another process keeps it, one to forget.

    Args:
      folder: That Sacred made, or None.

    Raises:
      InputError: If there is none although this process is to keep it.
    """
    if folder is not None:
        yield folder
    elif not is_kept_here():
        with tempfile.TemporaryDirectory() as forgotten:
            yield forgotten
    else:
        raise InputError("Training needs a folder for the run; leave out --unobserved")


@contextlib.contextmanager
def together(strategy):
    """Says in one sentence that another process has ended, which ends this one.

    Raises:
      InputError: In place of what TensorFlow raises.
    """
    import tensorflow as tf

    lost = tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.InternalError
    try:
        yield
    except (*lost, tf.errors.DeadlineExceededError, tf.errors.CancelledError) as error:
        if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            raise
        raise InputError(
            f"another of the workers of TF_CONFIG is gone ({type(error).__name__}); "
            "start all of them again, with resume=FOLDER, the chief's run, which each "
            "must be able to read"
        ) from None


def take_up(resume, folder, history, step, record):
    """Makes a resumed run complete by itself, once its state is known to fit."""
    from Learning import summaries

    if resume is not None:
        summaries.copy(RunFolder(resume).log, folder.log, step)
        if history:
            folder.keep(history)
        for row in history:
            tell(row, record)
        print(f"resume  {resume} after {len(history)} epochs, at step {step}")


def keep(folder, history, record):
    """Keeps the last of the epochs in the table and in Sacred's metrics."""
    folder.keep(history)
    tell(history[-1], record)


def tell(row, record):
    """Gives Sacred the metrics of an epoch."""
    for name in ("train_loss", "validation_loss", "learning_rate"):
        if row[name] is not None:
            record(name, row[name], row["step"])


def keep_best(folder, network, told):
    """Writes the best model, unless the disk is full."""
    from Models import checkpoints

    n_bytes = sum(weight.value.shape.num_elements() * 4 for weight in network.weights)
    folder.check_room(2**20 + 2 * n_bytes)
    checkpoints.save(folder.checkpoint, network, told)
