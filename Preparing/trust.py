"""What a data set holds, how loud it is, what it holds twice, and what it lacks."""

import functools

from tqdm import tqdm

from Datasets import availability, duplicates, shards, statistics, statistics_page


def _bar(what):
    return functools.partial(tqdm, unit=" tracks", desc=what)


def measure(records, output):
    """Prints the statistics of records and writes them as files and as a page.

    Args:
      records: `Datasets.records.Records`.
      output: Folder of statistics.json, statistics.csv and statistics.html.
    """
    gallery = statistics_page.Gallery(records)
    told = statistics.survey(records, gallery.look, _bar("statistics"))
    for line in statistics.report(told):
        print(line)
    page = f"{output}/statistics.html"
    with shards.writable(output):
        statistics.write(output, told)
        statistics_page.write(page, told, gallery.shown)
    print(f"wrote {page}, statistics.csv and statistics.json")


def compare(inventory, records, output):
    """Prints which takes are there twice, and writes them as duplicates.csv.

    Args:
      inventory: `Datasets.inventory.Inventory` of the raw recordings, or None.
      records: `Datasets.records.Records`, or None.
      output: Folder of the file.
    """
    places = {}
    if inventory is not None:
        places["raw recordings"] = duplicates.of_raw(inventory)
    if records is not None:
        places[str(records.folder)] = duplicates.of_records(records)
    found = {}
    for place, tracks in places.items():
        found[place] = duplicates.find(list(tracks), _bar("duplicates"))
        for line in duplicates.report(found[place], place):
            print(line)
    with shards.writable(output):
        duplicates.write_csv(f"{output}/duplicates.csv", found)
    print(f"wrote {output}/duplicates.csv")


def list_missing(builder, raw):
    """Prints which recordings there are: of lists of ids, how many of each class.

    Args:
      builder: Of a data set.
      raw: Folder of its recordings.
    """
    if hasattr(builder, "availability"):
        lines = availability.table(builder.availability(raw))
    else:
        lines = builder.inventory(raw).report()
    for line in lines:
        print(line)
