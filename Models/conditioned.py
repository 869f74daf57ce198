"""Separators with a `Conditioning`: what it makes of their promises."""

from Models.base import Separator
from Models.vision import sight
from Models.vision.online import PretrainedFrames
from Schema import InputError


class Conditioned(Separator):
    """A separator whose `conditioning` is a `fusers.Conditioning`.

    Its constructor also leaves the names of the fusers in `_fusers`.
    """

    @property
    def batch_keys(self):
        """The keys of a batch that `call` reads."""
        return ("mix", *self.conditioning.keys)

    @property
    def fusers(self):
        """Names of the fusers, as they were given."""
        return list(self._fusers)

    @property
    def reach(self):
        """Frames of a condition that a step looks around itself."""
        return self.conditioning.reach

    @property
    def legacy_label_order(self):
        """Whether labels wander between the examples of a batch."""
        return self._legacy_label_order

    @legacy_label_order.setter
    def legacy_label_order(self, value):
        products = [
            fuser
            for fuser in self.conditioning.fusers
            if hasattr(fuser, "legacy_order") and fuser.condition == "labels"
        ]
        if value and (not products or self.slots == "conditioned"):
            raise InputError(
                "legacy_label_order=True is for labels of the mixture by an outer "
                "product: model.fusers=['outer_product@bottleneck']"
            )
        self._legacy_label_order = value
        for fuser in products:
            fuser.legacy_order = value

    @property
    def frame_weights(self):
        """Where the weights of a pretrained network that sees are to be found."""
        sees = isinstance(self.conditioning.frames, PretrainedFrames)
        return sight.CHECKPOINT if sees else None
