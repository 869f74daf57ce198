"""The tracks of an evaluation, one by one: separated, scored, and shown in tables."""

from Evaluating import listening
from Schema import InputError
from Scores import aggregate, extras, parallel, store, tables
from Scores import report as page
from Scores.systems import FLOOR


def evaluate(evaluation, save_estimates=True, workers=None):
    """Separates and scores the tracks that are not done yet.

    Args:
      evaluation: `Evaluating.run.Evaluation`.
      save_estimates: Write the separated sources.
      workers: Processes that score; None: one a core.

    Returns:
      ({system: {track: TrackScores}}, {track: why it could not be scored}).

    Raises:
      InputError: If no track could be scored.
    """
    evaluation.remove_others()
    ids = evaluation.ids
    todo = [t for t in ids if not evaluation.is_done(t, save_estimates)]
    if len(todo) < len(ids):
        print(f"{len(ids) - len(todo)} of {len(ids)} tracks are scored already")

    def separate(track_id):
        return evaluation.separate(track_id, save_estimates)

    failures = parallel.score(todo, separate, workers)
    for track_id, error in failures.items():
        print(f"not scored: {track_id}: {error}")
    done = [track_id for track_id in ids if track_id not in failures]
    if not done:
        raise InputError(f"none of the {len(ids)} tracks could be scored; see above")
    return {
        name: {t: store.read(folder / f"{t}.json")[0] for t in done}
        for name, folder in evaluation.systems().items()
    }, failures


def order(scores, model):
    """The sources that were scored, in the order of the tables."""
    from Datasets import references

    names = [n for of in scores.values() for one in of.values() for n in one.names]
    known = [n for n in names if references.is_known(n, model.source_names)]
    made = [n for n in dict.fromkeys(names) if n not in known]
    return [*references.in_order(known, model.source_names), *made]


def summarise(evaluation, scores):
    """The `aggregate.Summary` of an evaluation."""
    return aggregate.aggregate(scores, FLOOR, order(scores, evaluation.model))


def report(evaluation, summary, scores, failures, raw=None):
    """Writes the tables and a page, and prints the tables.

    Args:
      evaluation: `Evaluating.run.Evaluation`.
      summary: `summarise` of it.
      scores: As of `evaluate`.
      failures: As of `evaluate`.
      raw: Folder of the raw recordings, for their videos; None: as the run's
        configuration tells.
    """
    caption = f"{tables.caption(summary)}{evaluation.told()} {evaluation.material.told}"
    caption += f" Engine: {evaluation.asked.engine}."
    caption += tables.not_scored(failures)
    folder = evaluation.folder
    below = extras.below(scores, evaluation.asked.protocol.name)
    tables.write_all(folder, "results", summary.rows, caption, below)
    about = {
        "model": evaluation.system,
        "weights": evaluation.weights,
        "records": str(evaluation.records.folder),
        "split": evaluation.split,
        "protocol": evaluation.asked.protocol.name,
    }
    page.write(
        *(folder / "report.html", summary, scores),
        *(listening.of_run(evaluation, raw), about),
        title=f"{evaluation.system} on {evaluation.split}",
        caption=caption,
        links=listening.links_of_run(evaluation),
        order=order(scores, evaluation.model),
        extras=below,
    )
    print(f"tables, scores, estimates and report.html: {folder}")
