"""What an evaluation is asked for: protocol, conditions, rows."""

import dataclasses

from Evaluating import rows
from Schema import InputError
from Scores import bss_eval, protocols

POST_FILTER = "Wiener filter"  # of the model's estimates
USUAL_OF = {  # the protocol of a data set, where it is not the usual one
    "musdb18": "musdb-v4",
    "musdb18_hq": "musdb-v4",
    "music": "music-2mix-v3",
}


@dataclasses.dataclass(frozen=True)
class Asked:
    """What an evaluation is asked for.

    Attributes:
      protocol: `Scores.protocols.Protocol`.
      conditions: Which of the conditions that the model listens to it is given, such as
        ["labels"]; None: all.
      oracles: Rows of what knows the sources, beside the mixture.
      ablations: Rows of the model deprived of something, see `rows.ABLATIONS`.
      wiener_iterations: Of a row of the model's estimates, filtered; 0: no such row.
      pairs: List of pairs of a protocol that mixes solos; None: that of VIMSS.
      engine: As of `Scores.protocols.score`.
    """

    protocol: protocols.Protocol = protocols.PROTOCOLS[protocols.USUAL]
    conditions: list | None = None
    oracles: tuple = rows.USUAL
    ablations: tuple = ()
    wiener_iterations: int = 0
    pairs: str | None = None
    engine: str = "fast"


def asked(evaluation, protocol=None, data_set=None):
    """`Asked` of the evaluation section of Config.py.

    Args:
      evaluation: The section.
      protocol: Name of a protocol; None: that of the data set.
      data_set: Its name, or None.

    Raises:
      InputError: If there is no such protocol or engine, or it has another silence.
    """
    name = protocol or USUAL_OF.get(data_set, protocols.USUAL)
    n, engine = evaluation["wiener_iterations"], evaluation["engine"]
    if n < 0:
        raise InputError(f"evaluation.wiener_iterations={n} must be 0 or more")
    if engine not in bss_eval.ENGINES:
        raise InputError(
            f"evaluation.engine={engine}: there are {', '.join(bss_eval.ENGINES)}"
        )
    knobs = ("conditions", "oracles", "ablations", "wiener_iterations", "pairs")
    chosen = protocols.named(name, evaluation["silence"])
    if engine == "museval" and chosen.told().get("silence") == "source":
        raise InputError(
            "evaluation.engine=museval knows no evaluation.silence=source: omit one"
        )
    return Asked(chosen, *(evaluation[knob] for knob in knobs), engine=engine)
