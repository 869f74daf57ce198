"""What is known of the mixtures of a batch, handed from place to place."""

import tensorflow as tf


class Known:
    """What is known of the mixtures of a batch, at work.

    Where slots have conditions of their own, a mixture is one example until the first
    fuser, and from there on one for each slot.
    """

    def __init__(self, conditioning, conditions, n_slots):
        self._conditioning, self._conditions = conditioning, conditions
        self._n_slots = n_slots

    def acts(self, place):
        """Whether any fuser acts on the map of a place."""
        return bool(self._conditioning.at(place))

    def fuse(self, place, x, clock):
        """Lets the fusers of a place act on a map.

        Args:
          place: One of `places`.
          x: [B, T, C], or [B N, T, C] behind the first fuser.
          clock: `Clock` of the map.

        Returns:
          [B, T, C'], or [B N, T, C'] from the first fuser on.
        """
        for fuser in self._conditioning.at(place):
            if fuser is self._conditioning.fusers[0]:
                x = self._repeated(x)
            x = fuser(x, condition=self._conditions[fuser.condition], clock=clock)
        return x

    def beside(self, made, x, now):
        """An earlier map as those that it is to stand beside: [B or B N, T, C].

        Args:
          made: The place of x; "mixture": what the network was given.
          x: [B, T, C], or [B N, T, C] behind the first fuser.
          now: The place of the map that comes of both.
        """
        first = [fuser.place for fuser in self._conditioning.fusers[:1]]
        order = ["mixture", *self._conditioning.order]
        span = order[order.index(made) + 1 : order.index(now)]
        return self._repeated(x) if set(first) & set(span) else x

    def _repeated(self, x):
        if not self._conditioning.is_per_slot:
            return x
        return tf.repeat(x, self._n_slots, axis=0)
