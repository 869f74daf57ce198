"""Where Sacred keeps the record of a run: a folder, and perhaps a database.

    python Training.py -m localhost:27017:vimss with urmp           # MongoDB
    python Training.py -s postgresql://me:word@host/vimss with urmp  # or SQL
    python Training.py -s sqlite:///runs.db with urmp
    python Training.py -F gs://BUCKET/runs with urmp                 # or a bucket

A database gets the configuration, the sources, what was printed, the result, and (of
MongoDB) the losses; checkpoints, sounds and tables of epochs stay in the folder.
"""

import pathlib
import random
import re
import time
import zipfile

from sacred.observers import FileStorageObserver
from sacred.observers.mongo import parse_mongo_db_arg

import Remote
from Schema import InputError

PACKAGES = "pip install -r requirements-observers.txt"
TIMEOUT = 5  # s, until a server counts as absent


class NumberedFolder(FileStorageObserver):
    """Sacred's folder of a run, with a number of its own.

    Sacred numbers a folder as the first database does, which has other runs; it fails
    where that folder exists.
    """

    def _make_run_dir(self, _id):
        super()._make_run_dir(None)


class RemoteFolder(NumberedFolder):
    """The same elsewhere, as in gs://BUCKET/runs: a folder here that is copied there.

    The sources that run.json names are in sources.zip: one file for some hundred.

    Attributes:
      where: RemotePath of the folder of runs.
    """

    def __init__(self, where):
        super().__init__(Remote.copy_of(where))
        self.where = Remote.path(where)

    def _maximum_existing_run_id(self):
        there = [p.name for p in self.where.glob("[0-9]*") if p.name.isdigit()]
        return max([super()._maximum_existing_run_id(), *map(int, there)])

    def _make_dir(self, _id):
        if not Remote.claim(self.where / str(_id)):
            time.sleep(random.random())  # who competes for it shall not do so again
            raise FileExistsError(_id)  # Sacred tries the next
        super()._make_dir(_id)

    def started_event(self, *args, **kwargs):
        """Makes the folder, and sends what is in it."""
        _id = super().started_event(*args, **kwargs)
        folder = pathlib.Path(self.dir)
        with zipfile.ZipFile(folder / "sources.zip", "w") as archive:
            for _, name in self.run_entry["experiment"]["sources"]:
                archive.write(pathlib.Path(self.basedir, name), name)
        self._mirror = Remote.Mirror(folder, self.where / folder.name)
        self._mirror.start()
        return _id

    def completed_event(self, *args, **kwargs):
        """Ends the copy, too."""
        super().completed_event(*args, **kwargs)
        self._mirror.close()

    def interrupted_event(self, *args, **kwargs):
        """Ends the copy, too."""
        super().interrupted_event(*args, **kwargs)
        self._mirror.close()

    def failed_event(self, *args, **kwargs):
        """Ends the copy, too."""
        super().failed_event(*args, **kwargs)
        self._mirror.close()


def check_place(folder):
    """Raises InputError if an observer cannot write where it copies to."""
    if isinstance(folder, RemoteFolder):
        Remote.check_writable(folder.where)


def check(args):
    """Refuses databases that are not there.

    Args:
      args: The flags of a command line, as Sacred's parser gives them.

    Raises:
      InputError: Naming the database that was typed, without its password.
    """
    if args.get("--mongo_db"):
        _check_mongo(args["--mongo_db"])
    if args.get("--sql"):
        _check_sql(args["--sql"])


def _check_mongo(text):
    try:
        told = parse_mongo_db_arg(text)
    except AttributeError:  # of Sacred, which expects a match
        raise InputError(
            f"-m {_hidden(text)}: expected HOST:PORT:DATABASE, as localhost:27017:vimss"
        ) from None
    try:
        import pymongo
        from pymongo.errors import PyMongoError
    except ImportError:
        raise InputError(_lacks(f"-m {text}", "pymongo")) from None
    where = told.get("url") or "localhost:27017"
    client = pymongo.MongoClient(where, serverSelectionTimeoutMS=1000 * TIMEOUT)
    try:
        client[told.get("db_name", "sacred")].list_collection_names()
    except PyMongoError as error:
        raise InputError(
            f"-m {text}: MongoDB at {where} cannot be used ({_first(error)}); start "
            "it, correct the address, or leave out -m"
        ) from None
    finally:
        client.close()


def _check_sql(text):
    try:
        import sqlalchemy
    except ImportError:
        raise InputError(_lacks(f"-s {_hidden(text)}", "sqlalchemy")) from None
    try:
        url = sqlalchemy.make_url(text)
        shown = url.render_as_string(hide_password=True)
        waits = url.get_backend_name() in ("postgresql", "mysql", "mariadb")
        options = {"connect_timeout": TIMEOUT} if waits else {}
        engine = sqlalchemy.create_engine(url, connect_args=options)
        engine.connect().close()
        engine.dispose()
    except ImportError as error:
        raise InputError(
            f"-s {shown}: Python lacks {error.name}, which SQLAlchemy needs for this "
            f"database: pip install {error.name}, or leave out -s"
        ) from None
    except sqlalchemy.exc.ArgumentError:  # an unknown dialect among these
        raise InputError(
            f"-s {_hidden(text)}: expected DIALECT://USER:PASSWORD@HOST:PORT/DATABASE, "
            "as sqlite:///runs.db"
        ) from None
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise InputError(
            f"-s {shown}: the database cannot be used "
            f"({_first(getattr(error, 'orig', None) or error)}); start it, correct the "
            "address, or leave out -s"
        ) from None


def _lacks(flag, package):
    return f"{flag}: Python lacks {package}: {PACKAGES}, or leave out {flag[:2]}"


def _hidden(text):
    """A URL, perhaps a wrong one, without what may be a password."""
    before, at, after = text.rpartition("@")
    scheme, colon, user = before.partition("://")
    return f"{scheme}{colon}{user.partition(':')[0]}:***{at}{after}" if at else text


def _first(error):
    """The first line of what an error says, no longer than a line."""
    line = str(error).split("\n")[0].split(", Timeout:")[0].split(" (configured")[0]
    return line if len(line) <= 120 else f"{line[:117]}..."


def arrange(observers, default=None):
    """The observers of a run in the order in which they must begin.

    Databases come first: Sacred's folder changes what is told of the sources.

    Args:
      observers: Sacred's, as the flags have added them.
      default: Folder of runs if none is among them; None: none is needed.

    Returns:
      A list; its folders are `NumberedFolder`s, `RemoteFolder`s where they are so.
    """
    folders = [o for o in observers if isinstance(o, FileStorageObserver)]
    others = [o for o in observers if o not in folders]
    places = [o.basedir for o in folders]
    if not places and default is not None:
        places = [default]
    return others + [_folder(place) for place in places]


def _folder(place):
    # Sacred has taken the text for a path, and one of its slashes away.
    text = re.sub(r"^([A-Za-z][\w+.-]+):[/\\]+", r"\1://", str(place))
    text = text.replace("\\", "/") if Remote.is_remote(text) else text
    return (RemoteFolder if Remote.is_remote(text) else NumberedFolder)(text)
