"""The composition root: names become objects here, and nowhere else.

``blaze`` makes bodies and hands, ``sapiens2`` the 308 points; each is imported by who wants it, so that
nobody waits for the other.
"""
