"""Chamber: fabricated ensembles in the layout of URMP, for demos and tests.

Imports go to the left:

    instruments < harmony, rhythm < composition < synthesizer < performance
    pen < props < strings < gestures < players < stage
    roster, room, performance, stage < recording < processes < corpus

`corpus.fabricate` writes pieces; `corpus.pieces` names them without rendering.
"""
