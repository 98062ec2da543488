"""Why a file as a whole cannot be read or written; what is wrong with a part of it is a `Problem`."""


class Refused(Exception):
    """The sentence is for people."""


class NotOfFormat(Refused):
    """The file is not what it should be, from here on."""


class TooComplex(Refused):
    """The file passes a limit. Nothing that was read of it counts."""


class CannotSay(Refused):
    """The format has no words for what should be written, and nobody allowed to leave it out."""
