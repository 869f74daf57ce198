"""Fusers by attention: each step of a map looks at the tokens that are known then.

    map [B, T, C] and tokens [B, F, P, D]  ->  x + (a mixture of the tokens) W

Tokens stand in space, P players or instruments, and in time, the frames around a
step.  Where they change with time a step looks `REACH` frames back and ahead, so what
it sees does not depend on how a recording was cut.  Absent tokens are never looked at;
a learned token for nothing always can be, and is all there is where nothing is known.

Glossary of shapes: as in `conditioning`; A = `size`, H = `heads`, M tokens that a step
looks at: P, or P (2 `REACH` + 1).
"""

import keras
import tensorflow as tf

from Models.layers.modulation import Fuser, n_steps

REACH = 2  # frames to each side
ABSENT = -1e9  # score of an absent token


class _Attention(Fuser):
    """What both attentions share.

    Args:
      size: A, channels of queries, keys and values.
      heads: H; A / H channels each.
      **kwargs: Of `Fuser`.
    """

    reads = "tokens"

    def __init__(self, size=16, heads=1, **kwargs):
        super().__init__(**kwargs)
        if size % heads:
            raise ValueError(f"size={size} must be a multiple of heads={heads}")
        self.size, self.heads = size, heads

    def build_for(self, n_channels, size, is_timed=False):
        glorot = "glorot_uniform"
        self.query = self.dense(self.size, "query", glorot)
        self.key = self.dense(self.size, "key", glorot)
        self.value = self.dense(self.size, "value", glorot)
        self.mixture = self.dense(n_channels, "mixture", "zeros")
        for layer, n in (
            (self.query, n_channels),
            (self.key, size),
            (self.value, size),
            (self.mixture, self.size),
        ):
            layer.build([None, None, n])
        self.nothing = self.add_weight(  # key and value of the token for nothing
            shape=[2, self.size], initializer=glorot, name="nothing"
        )
        if is_timed:  # tells the frames around a step apart
            shape = [2 * REACH + 1, self.size]
            self.offsets = self.add_weight(
                shape=shape, initializer=glorot, name="offsets"
            )
        self.built = True

    def floats(self, n_channels, size, n_tokens, is_timed):
        n_seen = n_tokens * (2 * REACH + 1)
        held = 4 * n_seen * self.size if is_timed else 0  # laid keys, values, products
        return 3 * n_channels + 3 * self.size + 3 * n_tokens * self.heads + held

    def call(self, x, condition, clock):
        query = self.query(self.exact(x))  # [B, T, A]
        keys, values, absent = self._laid(condition, clock, n_steps(x))
        scores = self.scores(query, keys) + ABSENT * absent[..., tf.newaxis, :]
        nothing = tf.convert_to_tensor(self.nothing)
        alone = self.scores(query, nothing[0][tf.newaxis, tf.newaxis, tf.newaxis])
        share = tf.nn.softmax(tf.concat([scores, alone], axis=-1))  # [B, T, H, M + 1]
        seen = self.mixed(share[..., :-1], values)  # [B, T, A]
        rest = tf.repeat(share[..., -1], self.size // self.heads, axis=-1)
        return tf.cast(self.exact(x) + self.mixture(seen + rest * nothing[1]), x.dtype)

    def _laid(self, condition, clock, n_time):
        """Keys and values [B, T or 1, M, A], and 1 where absent [B, T or 1, M]."""
        tokens = condition.tokens  # [B, F, P, D]
        absent = tf.reduce_all(tf.equal(tokens, 0), axis=-1)
        absent = tf.cast(absent, tokens.dtype)
        keys, values = self.key(tokens), self.value(tokens)  # [B, F, P, A]
        if condition.rate is None:  # F is 1
            return keys[:, :1], values[:, :1], absent[:, :1]

        def around(values, offsets=None):
            found = [
                condition.at_time(values, clock, n_time, later)
                for later in range(-REACH, REACH + 1)
            ]
            if offsets is not None:
                found = [a + b for a, b in zip(found, tf.unstack(offsets))]
            return tf.concat(found, axis=2)

        offsets = tf.convert_to_tensor(self.offsets)
        return around(keys, offsets), around(values), around(absent)

    def _by_head(self, x):
        """[..., A] -> [..., H, A / H]."""
        shape = [tf.shape(x)[i] for i in range(x.shape.rank - 1)]
        return tf.reshape(x, [*shape, self.heads, self.size // self.heads])

    def mixed(self, share, values):
        """Shares [B, T, H, M] of values [B, T or 1, M, A] -> [B, T, A]."""
        values = self._by_head(values)
        if values.shape[1] == 1:
            seen = tf.einsum("bthm,bmhd->bthd", share, values[:, 0])
        else:
            share = tf.transpose(share, [0, 1, 3, 2])[..., tf.newaxis]
            seen = tf.reduce_sum(share * values, axis=2)
        return tf.reshape(seen, [*tf.unstack(tf.shape(seen)[:2]), self.size])

    def get_config(self):
        return {**super().get_config(), "size": self.size, "heads": self.heads}


@keras.saving.register_keras_serializable("vimss")
class AdditiveAttention(_Attention):
    """Scores a token by a layer of tanh on query and key.

        score[t, m] = u . tanh(Q x[t] + K z[m])

    Cost: (2 C + 2 D + 6) A + C parameters, 5 A more with frames; about 4 C A + 6 M A
    FLOP a step, 4 P D A FLOP a frame.  Bahdanau, Cho, Bengio, "Neural Machine
    Translation by Jointly Learning to Align and Translate", ICLR 2015,
    https://arxiv.org/abs/1409.0473
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "heads": 1})

    def build_for(self, n_channels, size, is_timed=False):
        super().build_for(n_channels, size, is_timed)
        self.judge = self.add_weight(
            shape=[self.size], initializer="glorot_uniform", name="judge"
        )

    def scores(self, query, keys):
        """[B, T, 1, M] of queries [B, T, A] and keys [B, T or 1, M, A]."""
        felt = tf.tanh(query[:, :, tf.newaxis] + keys)  # [B, T, M, A]
        return tf.linalg.matvec(felt, tf.convert_to_tensor(self.judge))[
            :, :, tf.newaxis
        ]

    def floats(self, n_channels, size, n_tokens, is_timed):
        more = 0 if is_timed else 2 * n_tokens * self.size
        return more + super().floats(n_channels, size, n_tokens, is_timed)


@keras.saving.register_keras_serializable("vimss")
class MultiplicativeAttention(_Attention):
    """Scores a token by products of query and key, with several heads.

        score[t, h, m] = (Q x[t])_h . (K z[m])_h / sqrt(A / H)

    Cost: (2 C + 2 D + 5) A + C parameters, 5 A more with frames; about 4 C A + 4 M A
    FLOP a step, 4 P D A FLOP a frame.  Vaswani et al., "Attention Is All You Need",
    NeurIPS 2017, https://arxiv.org/abs/1706.03762
    """

    def __init__(self, size=16, heads=2, **kwargs):
        super().__init__(size=size, heads=heads, **kwargs)

    def scores(self, query, keys):
        """[B, T, H, M] of queries [B, T, A] and keys [B, T or 1, M, A]."""
        query, keys = self._by_head(query), self._by_head(keys)
        query *= (self.size // self.heads) ** -0.5
        if keys.shape[1] == 1:
            keys = tf.broadcast_to(
                keys, tf.concat([tf.shape(query)[:1], tf.shape(keys)[1:]], 0)
            )
            return tf.einsum("bthd,bmhd->bthm", query, keys[:, 0])
        products = query[:, :, tf.newaxis] * keys  # [B, T, M, H, A / H]
        return tf.transpose(tf.reduce_sum(products, axis=-1), [0, 1, 3, 2])
