"""Take over an existing pyro-storage 0.1, in place and in the same store. Start reading at `run.py`.

Nothing is written before everything that could refuse has been looked at. After that each row is its own
small promise: it is there with its file, its ledger row, its history and its findings, or not at all; a
run that was cut short is finished by running it again.
"""
