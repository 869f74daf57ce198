"""What was typed, what a run was told before, and whether there is such an option."""

import difflib
import os

from sacred.arg_parser import get_config_updates
from sacred.initialize import create_run
from sacred.utils import get_by_dotted_path, iterate_flattened

import Remote
import Utils
from Schema import InputError

KINDS = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list, as \"['fl', 'vn']\"",
    dict: "a section",
    type(None): "None",
}


def _arguments(experiment, command=None):
    """What the verb's main function asks for, and a command of ours."""
    known = experiment.commands
    asked = {experiment.default_command, command} & set(known)
    return [x for name in asked for x in known[name].signature.arguments]


def typed(experiment, texts, sections, command=None):
    """KEY=VALUE texts -> (nested updates, named configurations), checked."""
    used = _arguments(experiment, command)
    for k, text in enumerate(texts):
        key, equals, value = (part.strip() for part in text.partition("="))
        section = key.partition(".")[0]
        if not equals:
            _check_named(experiment, key)
        elif key in sections:
            raise InputError(f"{text}: {key} is a section; set {key}.NAME=VALUE")
        elif section in sections and section not in used:
            raise InputError(
                f"{text}: {experiment.path} does not use the section {section}, "
                "so this would have no effect; leave it out"
            )
        elif value.startswith("~"):
            texts[k] = f"{key}={os.path.expanduser(value)}"
    return get_config_updates(texts)


def _check_named(experiment, name):
    known = dict(experiment.gather_named_configs())
    if name in known:
        return
    if os.path.isfile(name) and name.endswith(".json"):
        return
    raise InputError(
        f"{name}: there is no such named configuration"
        + (
            did_you_mean(name, known)
            or f"; there are {', '.join(known) or 'none here'}"
        )
    )


def did_you_mean(name, names):
    """The end of a sentence that names the nearest name, or nothing."""
    near = Utils.nearest(name, names)
    return f"; did you mean {near}?" if near else ""


def unknown(experiment, command, updates, names, key):
    """The sentence about an option that does not exist."""
    config = create_run(experiment, command, updates, names, True, "ERROR").config
    chosen = {
        section: {"name": values["name"]}
        for section, values in config.items()
        if isinstance(values, dict) and "name" in values
    }
    right = create_run(experiment, command, chosen, (), True, "ERROR").config
    section, _, last = key.rpartition(".")
    known = [found for found, _ in iterate_flattened(right)]
    if any(found.startswith(f"{section}.") for found in known):
        known = [found for found in known if found.startswith(f"{section}.")]
    name = get_by_dotted_path(config, f"{section}.name") if section else None
    if known == [f"{section}.name"]:
        return f"{section}.name={name}: there is no {section} of that name"
    by_last = {found.rpartition(".")[2]: found for found in known}
    near = difflib.get_close_matches(last, by_last, n=1, cutoff=0.7)
    value = get_by_dotted_path(config, key)
    return (
        f"{key}={value}: there is no such option"
        + (f" with {section}.name={name}" if name and not near else "")
        + (f"; did you mean {by_last[near[0]]}?" if near else "; see print_config")
    )


def check_types(run, optional):
    """Refuses values of another type than the default's.

    Args:
      run: Sacred's run.
      optional: {key: type} of the options that may be None.
    """
    for key, kind in optional.items():
        value = get_by_dotted_path(run.config, key)
        fits = isinstance(value, (int, float) if kind is float else kind)
        if value is not None and (not fits or isinstance(value, bool)):
            raise InputError(f"{key}={value}: expected {KINDS[kind]}, or None")
    for key, (old, new) in run.config_modifications.typechanged.items():
        if key not in optional and (old, new) != (float, int):
            value = get_by_dotted_path(run.config, key)
            raise InputError(f"{key}={value}: expected {KINDS.get(old, old.__name__)}")


def inherit(experiment, updates, names):
    """Puts the configuration of `resume` or of `run` before what was typed."""
    arguments, base = _arguments(experiment), {}
    if "resume" in arguments and updates.get("resume"):
        base = Utils.read_json(Remote.here(str(updates["resume"])) / "config.json")
    elif "run" in arguments:
        try:
            folder = Remote.find_run(updates.get("run"))
        except InputError:
            if updates.get("run") is not None:
                raise
            return names  # the verb says so, if it comes to that
        stored = {"data": stored_data(folder), "visual": stored_visual(folder)}
        # Of a Python user's own nothing is known.
        base = {"run": str(folder)} | {k: v for k, v in stored.items() if v}
    known = {"run", "seed", *(ingredient.path for ingredient in experiment.ingredients)}
    base = {key: value for key, value in base.items() if key in known}
    return [_registered(experiment, "stored", base), *names] if base else names


def compose(experiment, updates, names):
    """Leaves out what named configurations say of a data set or model not chosen.

    Of each section the last `name` counts, and what is typed counts last.  A named
    configuration that gives the section another one says nothing about it: its knobs
    may be unknown to the chosen one, or mean something else.

    Args:
      experiment: sacred.Experiment.
      updates: What was typed, nested.
      names: Named configurations, or their files, in order.

    Returns:
      The names of what is left, in order.
    """
    told, chosen, kept = [_told(experiment, name) for name in names], {}, []
    for changes in (*told, updates):
        chosen |= {s: v["name"] for s, v in changes.items() if _has_name(v)}
    for k, (name, changes) in enumerate(zip(names, told)):
        left = {
            section: values
            for section, values in changes.items()
            if not _has_name(values) or values["name"] == chosen[section]
        }
        if left != changes:
            name = _registered(experiment, f"part_{k}", left)
        kept.append(name)
    return kept


def _told(experiment, name):
    """What a named configuration, or the file of one, changes."""
    if name in experiment.named_configs:
        return experiment.named_configs[name]()
    changes = Utils.read_json(name)
    if not isinstance(changes, dict):
        raise InputError(f"{name} does not hold a configuration: {{SECTION: {{...}}}}")
    return changes


def _has_name(values):
    return isinstance(values, dict) and "name" in values


def _registered(experiment, name, changes):
    """The name, once it is a named configuration with these changes."""
    experiment.named_configs.pop(name, None)
    experiment.add_named_config(name, changes)
    return name


def stored_data(run):
    """The `data` section that a run was trained with.

    Args:
      run: What `Remote.find_run` takes.

    Returns:
      dict as in Config.py.  Of a model that was saved without one, such as an imported
      checkpoint: its sample_rate, channels and sources.

    Raises:
      InputError: If the folder holds no checkpoint.
    """
    told = _description(run)
    keys = {"sample_rate": "sample_rate", "channels": "channels"}
    keys["sources"] = "source_names"
    found = {key: told[name] for key, name in keys.items() if name in told}
    return told.get("extra", {}).get("data") or found


def stored_visual(run):
    """The `visual` section that a run was trained with; None if it has none."""
    return _description(run).get("extra", {}).get("visual")


def _description(run):
    """What stands in the model.json of a run or of a checkpoint."""
    folder = Remote.find_run(run)
    inside = folder / "checkpoint" / "model.json"
    return Utils.read_json(inside if inside.exists() else folder / "model.json")


def plain(value):
    """Sacred's read-only containers as dict and list."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value
