"""Are shifts named within one night, and are quiet nights silent?"""
